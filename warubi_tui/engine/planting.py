"""New roots that hold another branch's schema and none of its rows."""

from collections.abc import Mapping
from dataclasses import dataclass

from warubi_tui.engine import clock
from warubi_tui.engine.catalog import Inventory, record_inventory
from warubi_tui.engine.dumping import Address, database_names, dump_roles, dump_schema, run_script
from warubi_tui.engine.failpoints import failpoint
from warubi_tui.engine.points import Point
from warubi_tui.engine.schemas import Schemas
from warubi_tui.engine.store import BranchRow, TimelineRow, Transaction


@dataclass
class Plant:
    """A root timeline on its way: the state whose schema it gets, and its roles' passwords."""

    timeline: str
    donor: Point
    passwords: Mapping[str, str]
    inventory: Inventory | None = None

    def row(self) -> TimelineRow:
        """The record of the timeline while it is being made."""
        return TimelineRow(self.timeline, None, None, 1, "creating", clock.now())


class Planting(Schemas):
    """What making schema-only branches needs."""

    def plant(self, plant: Plant) -> None:
        """Makes the timeline's cluster, with the donor's roles and empty copies of its databases, and a base.

        Raises:
            ApiError: the donor cannot be read.
            ClusterError, ServerError: the new cluster cannot be made.
        """
        with self.readable(plant.donor) as address:
            script = dump_roles(self.site, address)
            for database in database_names(address):
                script += dump_schema(self.site, address, database, create=True)

        failpoint("plant: described")

        def prepare() -> None:
            port = self.servers.port(plant.timeline)
            run_script(self.site, Address(self.site.socket(plant.timeline), port), script)
            plant.inventory = self.catalog.settle(plant.timeline, plant.passwords)
            # Recovery from a cold base ends in an error where nothing was logged after it.
            self.bases.take_hot(plant.timeline)
            failpoint("plant: based")

        self.timelines.create_first(plant.timeline, prepare)
        failpoint("plant: made")

    def record_plant(self, tx: Transaction, branch_id: str, plant: Plant) -> None:
        """Writes down a finished timeline."""
        assert plant.inventory is not None
        tx.update(TimelineRow, {"state": "ready"}, id=plant.timeline)
        record_inventory(tx, branch_id, plant.inventory, plant.passwords)
        tx.update(BranchRow, {"logical_size": plant.inventory.logical_size}, id=branch_id)
