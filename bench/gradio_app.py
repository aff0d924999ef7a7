"""The usual Gradio app: a picture, a slider, and a function around the same model; port and package as arguments."""

import sys
from pathlib import Path

import gradio

from dynamicnet import Inputs, Model

model = Model.load(Path(sys.argv[2]), "cpu")


def stylise(picture: str, alpha: float):
    """All that a model does, for each move of the slider, as such apps do."""
    return model.render(model.prepare(model.encode(Inputs(image=Path(picture).read_bytes()))), alpha)


if __name__ == "__main__":
    gradio.Interface(
        stylise,
        [gradio.Image(type="filepath"), gradio.Slider(*model.manifest.axes[0].range)],
        gradio.Image(format="jpeg"),
        api_name="stylise",
    ).launch(server_name="127.0.0.1", server_port=int(sys.argv[1]), quiet=True)
