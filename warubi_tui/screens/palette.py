"""The command palette offers every action of the screen in front, in the words of its binding."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual.binding import ActiveBinding
from textual.command import DiscoveryHit, Hit, Hits, Provider


class BindingCommands(Provider):
    """One command for each binding that works now and is not about moving around."""

    async def discover(self) -> Hits:
        """Every command, for an empty search."""
        for active in self._bindings():
            yield DiscoveryHit(active.binding.description, self._runner(active), help=active.tooltip)

    async def search(self, query: str) -> Hits:
        """The commands whose name or explanation matches."""
        matcher = self.matcher(query)
        for active in self._bindings():
            name = active.binding.description
            score = max(matcher.match(name), matcher.match(active.tooltip) / 2)
            if score > 0:
                yield Hit(score, matcher.highlight(name), self._runner(active), help=active.tooltip)

    def _bindings(self) -> list[ActiveBinding]:
        seen: dict[str, ActiveBinding] = {}
        for active in self.screen.active_bindings.values():
            if active.enabled and active.binding.id and active.binding.description:
                seen.setdefault(active.binding.action, active)
        return list(seen.values())

    def _runner(self, active: ActiveBinding) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            await self.app.run_action(active.binding.action, active.node)

        return run
