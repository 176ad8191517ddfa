from streamrecon.web.run import run_web as run_web
