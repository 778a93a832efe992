"""One trace contains everything that a sign-up caused."""

from infra.demo.observers import Observers, SeenRecord
from infra.demo.operator_commands import trace_tree
from infra.demo.step_printer import StepPrinter
from infra.stack.addresses import Addresses


async def find_the_trace(stack: Addresses, observers: Observers, printer: StepPrinter, created: SeenRecord) -> None:
    """`created` is the record of `user.created`."""
    printer.chapter("One trace")
    event_id, trace_id = created.headers["ce_id"], created.headers["traceparent"].split("-")[1]
    spans = await printer.wait_for("spans of all three services", lambda: observers.whole_trace(trace_id))
    tree = await trace_tree(stack, event_id)
    printer.saw(f"{len(spans)} spans of three services under one trace id: waypost trace {event_id}", tree)
    printer.console.print(f"           {stack.trace_url(trace_id)}", soft_wrap=True)
