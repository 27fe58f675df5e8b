"""A DAG whose run ends when the test says so: it waits for the file GATE, which holds how it ends."""

import os
import time
from datetime import datetime

from airflow import DAG
from airflow.operators.python import PythonOperator


def wait():
    gate = os.environ["GATE"]
    for _ in range(1200):
        if os.path.exists(gate):
            with open(gate, encoding="utf-8") as file:
                end = file.read()
            if end != "success":
                raise RuntimeError(f"the gate says {end!r}")
            return
        time.sleep(0.05)
    raise RuntimeError("the gate stays closed")


with DAG(
    "the_etl",
    start_date=datetime(2026, 1, 1),
    schedule=None,
    catchup=False,
    is_paused_upon_creation=False,
):
    PythonOperator(task_id="load", python_callable=wait, retries=0)
