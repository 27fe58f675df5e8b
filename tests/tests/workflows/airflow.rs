//! Airflow, for real.
