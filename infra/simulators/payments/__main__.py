from infra.http_process import serve
from infra.simulators.payments.app import create_app
from infra.simulators.payments.settings import PaymentsSettings

if __name__ == "__main__":
    serve(PaymentsSettings, create_app)
