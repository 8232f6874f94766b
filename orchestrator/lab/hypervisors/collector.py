"""vSphere's property collector and views: how clients read many objects, and wait for tasks."""

from collections.abc import Iterator

from pyVmomi import vmodl

from orchestrator.lab.hypervisors.inventory import Inventory, Made

_COLLECTOR = vmodl.query.PropertyCollector


def retrieve(inventory: Inventory, specs: list[Made]) -> list[Made]:
    """Return the contents of the objects that the filters choose."""
    return [content for spec in specs for content in _filtered(inventory, spec)]


def updates(inventory: Inventory, filters: list[Made], version: str | None) -> Made:
    """Return everything that the filters see, since tasks are over before anybody asks."""
    return _COLLECTOR.UpdateSet(
        version=str(int(version or 0) + 1),
        filterSet=[_seen(inventory, one) for one in filters],
    )


def _seen(inventory: Inventory, reference: Made) -> Made:
    spec = inventory.of(reference)["spec"]
    objects = [
        _COLLECTOR.ObjectUpdate(
            kind="enter",
            obj=content.obj,
            changeSet=[
                _COLLECTOR.Change(name=found.name, op="assign", val=found.val)
                for found in content.propSet
            ],
        )
        for content in _filtered(inventory, spec)
    ]
    return _COLLECTOR.FilterUpdate(filter=reference, objectSet=objects)


def _filtered(inventory: Inventory, spec: Made) -> Iterator[Made]:
    for one in spec.objectSet:
        inventory.of(one.obj)
        known = _selections(one.selectSet)
        chosen = _chosen(inventory, one.obj, list(one.selectSet), known)
        pairs = ((found, wanted) for found in chosen for wanted in spec.propSet)
        for found, wanted in pairs:
            if isinstance(found, wanted.type) and not (one.skip and found is one.obj):
                yield _content(inventory, found, wanted)


def _selections(given: list[Made]) -> dict[str, Made]:
    """Return the traversals by their names, to which others refer."""
    made: dict[str, Made] = {}
    for one in given:
        if isinstance(one, _COLLECTOR.TraversalSpec):
            made |= {one.name or "": one, **_selections(one.selectSet)}
    return made


def _chosen(
    inventory: Inventory, start: Made, ways: list[Made], known: dict[str, Made]
) -> Iterator[Made]:
    """Yield the object, and all that its traversals lead to, each once."""
    todo, seen = [(start, ways)], set()
    while todo:
        one, on = todo.pop(0)
        if one._moId in seen:
            continue
        seen.add(one._moId)
        yield one
        for way in (known.get(step.name or "", step) for step in on):
            if isinstance(way, _COLLECTOR.TraversalSpec) and isinstance(one, way.type):
                value = inventory.read(one, way.path)
                further = value if isinstance(value, list) else [value]
                todo += [(each, list(way.selectSet)) for each in further if each is not None]


def _content(inventory: Inventory, one: Made, wanted: Made) -> Made:
    paths = list(inventory.of(one)) if wanted.all else list(wanted.pathSet)
    values = ((path, inventory.read(one, path)) for path in paths)
    found = [
        vmodl.DynamicProperty(name=path, val=value)
        for path, value in values
        if value is not None and value != []
    ]
    return _COLLECTOR.ObjectContent(obj=one, propSet=found)
