"""A network's graph: which values flow where, and the cheapest place to cut it at a freezing depth."""

import operator
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from timm.layers._fx import get_notrace_functions, get_notrace_modules
from timm.layers.drop import DropPath
from torch import fx, nn
from torch.fx.node import map_aggregate, map_arg

from studio.model.stages import frozen_names, holder

MANY, FEW = 3, 2  # pictures in the two probes; what differs between them depends on how many pictures there are
_CHANCE = (nn.modules.dropout._DropoutNd, DropPath)
_one_at_a_time = threading.Lock()  # two that trace at once would each undo the other's patch of nn.Module
Kept = tuple[torch.Tensor, ...]


@dataclass(frozen=True, eq=False)
class Boundary:
    """A place to cut. `shapes` are those of the tensors that cross it, for one picture; `rest` takes them to logits."""

    shapes: tuple[torch.Size, ...]
    rest: nn.Module
    nodes: tuple[fx.Node, ...] = ()

    @property
    def numbers(self) -> int:
        """How many numbers cross the boundary for one picture."""
        return sum(shape.numel() for shape in self.shapes)


class _Tracer(fx.Tracer):
    """Follows a forward pass, but not into layers whose behaviour depends on their mode or that timm marks as whole."""

    def __init__(self) -> None:
        super().__init__(autowrap_functions=tuple(get_notrace_functions()))
        self._whole = tuple(get_notrace_modules())
        self._thread = threading.get_ident()

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: tuple, kwargs: dict) -> Any:
        """While it follows, torch hands it every call of any module in the process: those of other threads go on."""
        if threading.get_ident() != self._thread:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        if isinstance(m, (nn.modules.batchnorm._BatchNorm, *_CHANCE)) or type(m) in self._whole:
            return True
        return super().is_leaf_module(m, module_qualified_name)


class _Recorder(fx.Interpreter):
    """Runs a graph and remembers the value of every node, of tensors what they are but not what is in them (together
    that is hundreds of megabytes), and which nodes write into the value of another.
    """

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.written: dict[fx.Node, set[fx.Node]] = {}  # node -> nodes that write into its value
        self._values: dict[fx.Node, Any] = {}

    def run_node(self, n: fx.Node) -> Any:
        given = {node: self.env[node] for node in n.all_input_nodes if isinstance(self.env[node], torch.Tensor)}
        versions = {node: tensor._version for node, tensor in given.items()}
        found = super().run_node(n)
        self._values[n] = map_aggregate(found, _hollow)
        for node, tensor in given.items():
            if tensor._version != versions[node]:
                self.written.setdefault(node, set()).add(n)
        return found

    def values(self, inputs: torch.Tensor) -> dict[fx.Node, Any]:
        self._values = {}
        with torch.no_grad():
            self.run(inputs)
        return self._values


@dataclass
class Wiring:
    """A network's graph; `many` and `few` are the values of its nodes for so many pictures."""

    model: nn.Module
    graph: fx.Graph
    many: dict[fx.Node, Any]
    few: dict[fx.Node, Any]
    written: dict[fx.Node, set[fx.Node]]
    flow: list[fx.Node] = field(default_factory=list)  # what depends on the input, in order, beginning with it

    @classmethod
    def of(cls, model: nn.Module, probe: torch.Tensor) -> "Wiring":
        with _one_at_a_time:
            graph = _Tracer().trace(model.train())  # what chance does in training must not be lost: `_agree` sees it
        model.eval()
        recorder = _Recorder(fx.GraphModule(model, graph))
        wiring = cls(model, graph, recorder.values(probe[:MANY]), recorder.values(probe[:FEW]), recorder.written)
        seen: set[fx.Node] = set()
        for node in graph.nodes:
            begins = node.op == "placeholder" and not wiring.flow
            if node.op != "output" and (begins or any(source in seen for source in node.all_input_nodes)):
                seen.add(node)
                wiring.flow.append(node)
        return wiring

    def boundary(self, depth: int) -> Boundary | None:
        """The cheapest place to cut that has every frozen layer of this depth before it, and none that learns."""
        best: tuple[int, set[fx.Node], list[fx.Node]] | None = None
        for before in self._places(depth):
            crossing = [node for node in self.flow if node in before and any(u not in before for u in node.users)]
            tensors = [node for node in crossing if isinstance(self.many[node], torch.Tensor)]
            in_time = not any(self.written.get(node, set()) & before for node in crossing)  # else it crosses too late
            if tensors and in_time and all(_follows(self.many[node], self.few[node]) for node in crossing):
                numbers = sum(self.many[node].numel() for node in tensors)
                if best is None or numbers < best[0]:
                    best = numbers, before, crossing
        if best is None:
            return None
        _, before, crossing = best
        nodes = tuple(node for node in crossing if isinstance(self.many[node], torch.Tensor))
        shapes = tuple(torch.Size(self._one(node)) for node in nodes)
        return Boundary(shapes, self._rest(before, crossing, nodes), nodes)

    def _places(self, depth: int) -> Iterator[set[fx.Node]]:
        """Fronts that hold all frozen layers, from the smallest to the largest."""
        frozen = self._frozen(depth)
        last = max((place for place, node in enumerate(frozen) if self._parameters(node)), default=0)
        for end in range(last, len(frozen)):
            yield set(frozen[: end + 1])

    def _frozen(self, depth: int) -> list[fx.Node]:
        """The part of the flow that nothing that learns, and no chance, leads to."""
        frozen = {id(self.model.get_parameter(name)) for name in frozen_names(self.model, depth)}
        open_: set[fx.Node] = set()
        for node in self.graph.nodes:
            learns = any(id(tensor) not in frozen for tensor in self._parameters(node))
            if learns or self._left_to_chance(node, frozen) or any(source in open_ for source in node.all_input_nodes):
                open_.add(node)
        return [node for node in self.flow if node not in open_]

    def _parameters(self, node: fx.Node) -> list[nn.Parameter]:
        if node.op == "call_module":
            return list(self.model.get_submodule(str(node.target)).parameters())
        if node.op == "get_attr":
            value = operator.attrgetter(str(node.target))(self.model)
            return [value] if isinstance(value, nn.Parameter) else []
        return []

    def _left_to_chance(self, node: fx.Node, frozen: set[int]) -> bool:
        """Whether something in it drops values while the network learns: within what is frozen nothing does."""
        if node.op != "call_module":
            return False
        within = self.model.get_submodule(str(node.target)).named_modules(prefix=str(node.target))
        return any(
            isinstance(module, _CHANCE)
            and (getattr(module, "p", 0) or getattr(module, "drop_prob", 0))
            and any(id(tensor) not in frozen for tensor in holder(self.model, name).parameters())
            for name, module in within
        )

    def _times(self, node: fx.Node) -> int:
        """How many rows of this tensor belong to one picture (windows are often folded into the first dimension)."""
        return self.many[node].shape[0] // MANY

    def _one(self, node: fx.Node) -> tuple[int, ...]:
        shape, times = tuple(self.many[node].shape[1:]), self._times(node)
        return (times, *shape) if times > 1 else shape

    def front(self, boundaries: Sequence[Boundary]) -> nn.Module:
        """From the input to what crosses each of these boundaries."""
        graph, known = fx.Graph(), dict[fx.Node, Any]()
        kept = [boundary.nodes for boundary in boundaries]
        wanted, waiting = set[fx.Node](), [node for nodes in kept for node in nodes]
        while waiting:
            if (node := waiting.pop()) not in wanted:
                wanted.add(node)
                waiting.extend(node.all_input_nodes)
        for node in self.graph.nodes:
            if node in wanted:
                is_input = node is self.flow[0]
                known[node] = graph.placeholder("inputs") if is_input else _copied(graph, node, known)

        def per_picture(node: fx.Node) -> fx.Node:
            times = self._times(node)
            sized = (known[node], 0, (-1, times))
            return graph.call_function(torch.unflatten, sized) if times > 1 else known[node]

        graph.output(tuple(tuple(per_picture(node) for node in nodes) for nodes in kept))
        return _module(self.model, graph)

    def _rest(self, before: set[fx.Node], crossing: Sequence[fx.Node], nodes: Sequence[fx.Node]) -> nn.Module:
        """From what crosses the boundary to the output. Numbers that cross it too are worked out anew."""
        graph, known = fx.Graph(), dict[fx.Node, Any]()
        given = [graph.placeholder(f"kept_{place}") for place in range(len(nodes))]
        for node, tensor in zip(nodes, given, strict=True):
            flat = self._times(node) > 1
            known[node] = graph.call_function(torch.flatten, (tensor, 0, 1)) if flat else tensor

        def number(many: Any, few: Any) -> Any:
            if isinstance(many, (tuple, list)):
                return tuple(number(one, other) for one, other in zip(many, few, strict=True))
            if many == few or not isinstance(many, int):
                return many
            pictures = graph.call_method("size", (given[0], 0))
            return graph.call_function(operator.mul, (pictures, many // MANY))

        for node in crossing:
            if node not in known:
                known[node] = number(self.many[node], self.few[node])
        for node in self.graph.nodes:
            if node.op == "output":
                graph.output(map_arg(node.args[0], lambda source: known[source]))
            elif node not in before:
                known[node] = _copied(graph, node, known)
        return _module(self.model, graph)


def _hollow(value: Any) -> Any:
    return value.to("meta") if isinstance(value, torch.Tensor) else value


def _follows(many: Any, few: Any) -> bool:
    """Whether a value is the same for any pictures, or grows with their number in its first dimension."""
    if isinstance(many, torch.Tensor):
        if many.ndim == 0 or many.shape[1:] != few.shape[1:]:
            return False
        return many.shape[0] * FEW == few.shape[0] * MANY
    if isinstance(many, (tuple, list)):
        pairs = list(zip(many, few, strict=False))
        return len(many) == len(few) and all(
            not isinstance(one, torch.Tensor) and _follows(one, two) for one, two in pairs
        )
    if isinstance(many, int) and many != few:
        return many * FEW == few * MANY
    return isinstance(many, (bool, int, float, str, type(None), torch.dtype, torch.device)) and many == few


def _copied(graph: fx.Graph, node: fx.Node, known: dict[fx.Node, Any]) -> Any:
    if node.op == "placeholder":  # a further argument of the network, left at its default
        return node.args[0] if node.args else None
    return graph.node_copy(node, lambda source: known[source])


def _module(model: nn.Module, graph: fx.Graph) -> fx.GraphModule:
    module = fx.GraphModule(model, graph)
    graph.eliminate_dead_code()
    graph.lint()
    module.recompile()
    return module
