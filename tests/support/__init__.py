"""What tests stand on: real servers, our own processes, clients, and waiting with a deadline.

Nothing here is imported by the product. Files by what they own:

- ``waiting``: `eventually`, the only way tests wait;
- ``environment``: the contract's variables, and a clean copy of this process's environment;
- ``installing``, ``docker_cli``, ``standins``: what must be on the machine, and how it gets there;
- ``ports``, ``docker``, ``service``: how a real server is found, started, killed and started again;
- ``mosquitto``, ``redis``, ``postgres``: one server each; ``databases``: in-process tests on either database;
- ``processes``: a command of ours as a real subprocess with its log;
- ``mqtt``, ``live``, ``wsclient``, ``browser``: clients (a device, a program, a stream checker, Chromium);
- ``system``: the whole product on those parts (`System`);
- ``fake_worker``, ``ingest…``: stand-ins for one side of the layer, to test the other alone.
"""
