"""The gateway: an OpenAI-compatible HTTP server between clients and the models that answer them.

``serve.serve`` runs it in processes of its own, ``app.application`` makes its routes an application of aiohttp.
"""

__all__: list[str] = []
