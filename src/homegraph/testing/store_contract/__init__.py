"""The store's contract as a test suite, for every adapter alike.

A test module opts in with a fixture that opens an empty store, and three classes::

    pytest.register_assert_rewrite("homegraph.testing.store_contract")  # before the import: readable failures

    from homegraph.testing.store_contract import StatesMachine, StoreContract, StoreMachine

    pytestmark = pytest.mark.anyio


    @pytest.fixture
    async def store():
        store = await MyStore.open(...)
        yield store
        await store.close()


    class TestMyStore(StoreContract): ...


    class MyMachine(StoreMachine):
        async def open_store(self):
            return await MyStore.open(...)


    TestMyMachine = MyMachine.TestCase  # and another one of StatesMachine

``StoreContract`` goes through the port method by method, in one module per topic; ``StoreMachine`` drives a store through any
order of requests, claims, ends and deaths beside a model of plain lists, ``StatesMachine`` through any order of reports, SYNCs
and unlinkings. New behaviour of the port is written here first.
What only one adapter has (files, locks, a server) is tested where the adapter is.
"""

from homegraph.testing.store_contract.appearing import Appearing
from homegraph.testing.store_contract.claiming import Claiming
from homegraph.testing.store_contract.declaring import Declaring
from homegraph.testing.store_contract.errands import Errands
from homegraph.testing.store_contract.forgetting import Forgetting
from homegraph.testing.store_contract.granting import Granting
from homegraph.testing.store_contract.issuing import Issuing
from homegraph.testing.store_contract.journal import Journal
from homegraph.testing.store_contract.linking import Linking
from homegraph.testing.store_contract.machine import StoreMachine
from homegraph.testing.store_contract.moving import Moving
from homegraph.testing.store_contract.neighbours import Neighbours
from homegraph.testing.store_contract.notifying import Notifying
from homegraph.testing.store_contract.reading import Reading
from homegraph.testing.store_contract.refreshing import Refreshing
from homegraph.testing.store_contract.rekeying import Rekeying
from homegraph.testing.store_contract.reporting import Reporting
from homegraph.testing.store_contract.requesting import Requesting
from homegraph.testing.store_contract.sealing import Sealing
from homegraph.testing.store_contract.settling import Settling
from homegraph.testing.store_contract.states_machine import StatesMachine

__all__ = ["StatesMachine", "StoreContract", "StoreMachine"]


class StoreContract(
    Declaring,
    Issuing,
    Linking,
    Granting,
    Refreshing,
    Requesting,
    Claiming,
    Settling,
    Rekeying,
    Reporting,
    Forgetting,
    Reading,
    Journal,
    Notifying,
    Errands,
    Appearing,
    Moving,
    Sealing,
    Neighbours,
):
    """Every sentence of ``store.port``. Needs an async fixture ``store``: an open, empty store."""
