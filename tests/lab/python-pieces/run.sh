#!/usr/bin/env bash
# Runs Python programs with a piece taken away and prints what the interpreter says. usage: run.sh [PYTHON]
set -u
python=${1:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m venv "$work/venv" >/dev/null
"$work/venv/bin/pip" install -q --disable-pip-version-check gunicorn uvicorn flask django sqlalchemy requests pydantic-settings pandas lxml-stubs beautifulsoup4 celery tzdata matplotlib 2>/dev/null
py="$work/venv/bin/python"
cd "$work"
say() { printf '# --- %s\n' "$1"; }
try() { say "$1"; shift; "$@" 2>&1 | sed "s#$work#/srv#g"; }
cat > app.py <<'P'
import logging
logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s [%(name)s] %(message)s")
try:
    import psycopg2
except ImportError:
    logging.getLogger("app.db").exception("no database driver")
P
try "logged" "$py" app.py
try "module" "$py" -c 'import redis.asyncio'
try "submodule" "$py" -c 'import json.nosuch'
try "name" "$py" -c 'from json import nosuch'
try "main" "$py" -m nosuch.server
try "file" "$py" /srv/gone/main.py
try "stdlib native" env "$py" -S -c 'import sys; sys.modules["_sqlite3"]=None; import sqlite3'
try "native missing" "$py" -c 'import importlib.abc,sys
class F(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name in ("_ctypes","_bz2","_lzma","_ssl"): raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0,F())
import ctypes'
try "ssl" "$py" -c 'import importlib.abc,sys
class F(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name=="_ssl": raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0,F())
import urllib.request; urllib.request.urlopen("https://127.0.0.1/")'
try "metadata" "$py" -c 'import importlib.metadata as m; m.version("nosuch-dist")'
try "zone" env PYTHONTZPATH= "$py" -c 'import sys; sys.modules["tzdata"]=None
from zoneinfo import ZoneInfo; ZoneInfo("Europe/Berlin")'
try "codec" "$py" -c '"x".encode("cp-nosuch")'
try "locale" "$py" -c 'import locale; locale.setlocale(locale.LC_ALL, "de_DE.UTF-8")'
try "ca" env REQUESTS_CA_BUNDLE=/etc/ssl/none.pem "$py" -c 'import requests; requests.get("https://127.0.0.1:1/")'
try "environ" "$py" -c 'import os; os.environ["PAYMENT_API_KEY"]'
try "home" env PYTHONHOME=/nowhere "$py" -c 'pass'
try "uvicorn app" "$work/venv/bin/uvicorn" nosuch:app
try "uvicorn attribute" "$work/venv/bin/uvicorn" json:app
try "gunicorn class" timeout 5 "$work/venv/bin/gunicorn" -k gevent json:app
try "gunicorn app" timeout 5 "$work/venv/bin/gunicorn" -b 127.0.0.1:0 nosuch:app
try "flask" "$work/venv/bin/flask" --app nosuch run
try "django settings" "$py" -c 'import django; django.setup()'
try "django engine" "$py" -c 'from django.conf import settings; settings.configure(DATABASES={"default":{"ENGINE":"django.db.backends.postgresql","NAME":"x"}},INSTALLED_APPS=["django.contrib.contenttypes","django.contrib.auth"])
import django; django.setup()'
try "django app" "$py" -c 'from django.conf import settings; settings.configure(INSTALLED_APPS=["corsheaders"])
import django; django.setup()'
try "django template" "$py" -c 'from django.conf import settings; settings.configure(TEMPLATES=[{"BACKEND":"django.template.backends.django.DjangoTemplates"}])
import django; django.setup()
from django.template.loader import get_template; get_template("invoice.html")'
try "sqlalchemy dialect" "$py" -c 'import sqlalchemy; sqlalchemy.create_engine("snowflake://x")'
try "sqlalchemy driver" "$py" -c 'import sqlalchemy; sqlalchemy.create_engine("mysql://x")'
try "bs4" "$py" -c 'import bs4; bs4.BeautifulSoup("<a>", "lxml")'
try "pandas" "$py" -c 'import pandas; pandas.read_parquet("x.parquet")'
try "pandas2" "$py" -c 'import pandas; pandas.read_excel("x.xlsx")'
try "celery" "$work/venv/bin/celery" -A nosuch worker
try "celery transport" "$py" -c 'import kombu; kombu.Connection("redis://127.0.0.1").connect()'
try "settings" "$py" -c 'from pydantic_settings import BaseSettings
class S(BaseSettings):
    database_url: str
    api_key: str
S()'
try "configparser" "$py" -c 'import configparser; c=configparser.ConfigParser(); c.read_string("[a]\nx=1"); c.get("database","url")'
try "configparser option" "$py" -c 'import configparser; c=configparser.ConfigParser(); c.read_string("[a]\nx=1"); c.get("a","url")'
try "dictConfig" "$py" -c 'import logging.config; logging.config.dictConfig({"version":1,"handlers":{"f":{"class":"nosuch.Handler"}},"root":{"handlers":["f"]}})'
try "recursion" "$py" -c 'def f(): f()
f()'
try "memory" bash -c "ulimit -v 400000; $py -c 'x = bytearray(10**9)'"
try "pkg_resources" "$py" -c 'import pkg_resources'
try "nofile" bash -c "ulimit -n 16; $py -c 'f=[open(\"/dev/null\") for _ in range(99)]'"
try "matplotlib" "$py" -c 'import matplotlib; matplotlib.use("tkagg"); import matplotlib.pyplot as p; p.figure()'
try "tkinter" "$py" -c 'import sys; sys.modules["_tkinter"]=None; import tkinter'
try "open config" "$py" -c 'open("/etc/app/config.yml")'
printf 'import ssl\ncontext = ssl.create_default_context()\ncontext.load_cert_chain("site.pem")\n' > tls.py; try "certificate file" "$py" tls.py
printf 'import ssl\ncontext = ssl.create_default_context()\ncontext.load_verify_locations("ca.pem")\n' > tls.py; try "authority file" "$py" tls.py
try "translations" "$py" -c 'import gettext; gettext.translation("messages", ".")'
mkdir -p worker; try "no main" "$py" worker
try "source" "$py" -c 'import inspect; exec("def f(): pass"); inspect.getsource(f)'
mkdir -p old; printf 'junk' > old/rates.pyc; (cd old; try "bytecode of another version" "$py" -c 'import rates'); "$py" -c 'import py_compile; open("cut.py","w").write("x = 1\n" * 50); py_compile.compile("cut.py", "old/cut.pyc")'; head -c 60 old/cut.pyc > old/short.pyc; (cd old; try "bytecode cut" "$py" -c 'import short')
try "settings file" "$py" -c 'open("/etc/billing/settings.yaml")'
try "program" "$py" -c 'import subprocess; subprocess.run(["pg_dump9"])'
try "digest" "$py" -c 'import hashlib; hashlib.new("md4")'
