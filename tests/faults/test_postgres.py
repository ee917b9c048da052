"""Each fault once under load, on PostgreSQL: nothing lost, repeated, reordered; browser and ledger agree."""

from tests.faults.conftest import Round

DATABASE = "postgres"


def test_kill_gateway(round_with: Round) -> None:
    assert round_with("kill-gateway").messages > 500


def test_kill_worker(round_with: Round) -> None:
    assert round_with("kill-worker").messages > 100


def test_pause_gateway(round_with: Round) -> None:
    result = round_with("pause-gateway")
    assert result.messages > 5000, "the load went on meanwhile"
