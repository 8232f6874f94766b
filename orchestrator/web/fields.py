"""The fields of a form that a page of ours sent."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Request

from orchestrator.web import forms


async def _fields(request: Request) -> Mapping[str, str]:
    return await forms.form(request)


#: annotate a route's parameter with it to be given the form's fields; of a repeated one the last
Fields = Annotated[Mapping[str, str], Depends(_fields)]
