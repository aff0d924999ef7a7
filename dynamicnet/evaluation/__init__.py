"""Evaluation: what an axis does to its objectives, on pictures not trained on."""

from dynamicnet.evaluation import style

EVALUATIONS = {"style": style.evaluate}
