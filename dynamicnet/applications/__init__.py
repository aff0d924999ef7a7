"""The applications a model package may name: a folder and a line here for each."""

from dynamicnet.applications.base import DETAIL, FIELDS, FILES, Application, Encoded, Inputs
from dynamicnet.applications.completion.pictures import ImageCompletion
from dynamicnet.applications.generation.pictures import Generation
from dynamicnet.applications.restoration.pictures import Restoration
from dynamicnet.applications.style.pictures import StyleTransfer

APPLICATIONS: dict[str, Application] = {
    application.name: application for application in (StyleTransfer(), ImageCompletion(), Generation(), Restoration())
}

__all__ = ["APPLICATIONS", "DETAIL", "FIELDS", "FILES", "Application", "Encoded", "Inputs"]
