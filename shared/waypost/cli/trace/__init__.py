"""`waypost trace EVENT_ID`: the spans of an event's trace, from the trace viewer."""
