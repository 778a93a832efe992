from infra.serving import serve
from infra.simulators.payments.app import create_app
from infra.simulators.payments.settings import PaymentsSettings

if __name__ == "__main__":
    settings = PaymentsSettings()
    serve(create_app(settings), settings)
