"""Views of the project."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from threading import Barrier

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.template import engines
from django.urls import path

from backpack_orm import Page
from backpack_orm.integrations.django import connections

barrier = Barrier(2, timeout=60)
TEMPLATE = "{% load backpack %}{% for n in page.notes %}{{ n.body|backpack_html }}{% endfor %}"


def titles(request: HttpRequest) -> JsonResponse:
    return JsonResponse([page.title for page in Page.all()], safe=False)


async def titles_async(request: HttpRequest) -> JsonResponse:
    pages = await asyncio.to_thread(Page.all)
    return JsonResponse([page.title for page in pages], safe=False)


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[str]:
        for page in Page.all():
            yield page.title[0]

    return StreamingHttpResponse(parts())


async def stream_async(request: HttpRequest) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[str]:
        for page in await asyncio.to_thread(Page.all):
            yield page.title[0]

    return StreamingHttpResponse(parts())


def count(request: HttpRequest, alias: str) -> JsonResponse:
    with connections.using(alias):
        before = Page.count()
        barrier.wait()
        return JsonResponse([before, Page.count()], safe=False)


async def count_async(request: HttpRequest, alias: str) -> JsonResponse:
    with connections.using(alias):
        before = await asyncio.to_thread(Page.count)
        await asyncio.to_thread(barrier.wait)
        return JsonResponse([before, await asyncio.to_thread(Page.count)], safe=False)


def show(request: HttpRequest) -> HttpResponse:
    template = engines["django"].from_string(TEMPLATE)
    return HttpResponse(template.render({"page": Page.get(title="Lisbon")}))


def find(request: HttpRequest, id: int) -> HttpResponse:
    return HttpResponse(Page.find(id).title)


async def find_async(request: HttpRequest, id: int) -> HttpResponse:
    return HttpResponse((await asyncio.to_thread(Page.find, id)).title)


urlpatterns = [
    path("titles", titles),
    path("titles-async", titles_async),
    path("stream", stream),
    path("stream-async", stream_async),
    path("count/<alias>", count),
    path("count-async/<alias>", count_async),
    path("show", show),
    path("find/<int:id>", find),
    path("find-async/<int:id>", find_async),
]
