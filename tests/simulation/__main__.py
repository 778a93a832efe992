import sys, time
from tests.simulation.schedule import run
import structlog, logging
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50 if sys.argv[2]!='1' else 10), cache_logger_on_first_use=True)
first, n = int(sys.argv[1]), int(sys.argv[2])
import gc; gc.collect(); gc.freeze(); gc.set_threshold(50000,50,50)
v=c=0
t=time.process_time(); bad=0; f=0
for s in range(first, first+n):
    if len(sys.argv)>3: print(s, time.process_time()-t, flush=True)
    r = run(s, traced=n==1)
    f += r.faults; v+=r.virtual_seconds; c+=r.callbacks
    if r.violations:
        bad+=1
        if bad<6 or n==1: print(s, r.violations[:4], r.virtual_seconds, r.callbacks)
    if n==1: print("\n".join(r.trace)); print(r.virtual_seconds, r.callbacks, r.faults)
d=time.process_time()-t
print(n, "schedules", bad, "bad", f, "faults", round(n/d,1), "per s", v/n, c/n)
