"""What tests stand on. Nothing here is imported by the product.

- ``waiting``: `eventually`, the only way tests wait;
- ``environment``: the contract's variables, and a clean copy of this process's environment;
- ``servers``: real Mosquitto, Redis, PostgreSQL, proxies before them, and our own commands as processes;
- ``clients``: a device, a program, a checker of the stream, Chromium;
- ``worlds``: the whole product on those parts (`System`), or one side of the channel layer against a stand-in;
- ``traces``: which of our functions run when, in the demo.
"""
