from infra.http_process import serve
from infra.start_page.app import StartPageSettings, create_app

if __name__ == "__main__":
    serve(StartPageSettings, create_app)
