"""What tests stand on: real servers, our own processes, clients, and waiting with a deadline.

Nothing here is imported by the product. Files by what they own:

- ``waiting``: `eventually`, the only way tests wait;
- ``environment``: the contract's variables, and a clean copy of this process's environment;
- ``ports``, ``installing``, ``docker``, ``service``: how a real server is found, started, killed and started again;
- ``mosquitto``, ``redis``, ``postgres``: one server each;
- ``processes``: a command of ours as a real subprocess with its log;
- ``system``: the whole product on those parts (`System`), with clients from ``clients``.
"""
