from services.billing.app import SERVICE
from shared.hosting.main import run

run(SERVICE)
