"""The pages: views, their URLs and the ES modules that they load. Live data reaches a page by WebSocket only."""
