"""An ASGI server for gunicorn: HTTP/1.1 on asyncio, with clocks and limits for every client."""
