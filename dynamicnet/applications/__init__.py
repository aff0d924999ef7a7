"""The applications a model package may name: one file and one line here for each."""

from dynamicnet.applications.base import FIELDS, FILES, Application, Encoded, Inputs
from dynamicnet.applications.completion import ImageCompletion
from dynamicnet.applications.generation import Generation
from dynamicnet.applications.restoration.pictures import Restoration
from dynamicnet.applications.style import StyleTransfer

APPLICATIONS: dict[str, Application] = {
    application.name: application for application in (StyleTransfer(), ImageCompletion(), Generation(), Restoration())
}

__all__ = ["APPLICATIONS", "FIELDS", "FILES", "Application", "Encoded", "Inputs"]
