"""Asks a workspace what lakedr asks it, with the SDK of its vendor, and prints what that makes of the answers.

    ask.py URL JOB_NAME [turn]  (DATABRICKS_TOKEN, or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET)
"""

import json
import sys

from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import JobSettings, PauseStatus


def run(run):
    executions = [
        {"began": item.start_time, "ended": item.end_time or 0, "code": code(item)}
        for item in run.repair_history or []
    ]
    return {
        "id": run.run_id,
        "ended": run.end_time or 0,
        "state": run.status.state.value,
        "code": code(run),
        "executions": executions,
    }


def code(item):
    details = item.status.termination_details if item.status else None
    return details.code.value if details and details.code else None


def main(url, name):
    workspace = WorkspaceClient(host=url)
    jobs = [job.job_id for job in workspace.jobs.list(name=name, limit=100)]
    job = workspace.jobs.get(jobs[0])
    found = {
        "auth": workspace.config.auth_type,
        "jobs": jobs,
        "name": job.settings.name,
        "active": [run.run_id for run in workspace.jobs.list_runs(job_id=job.job_id, active_only=True, limit=24)],
        "runs": [
            run(workspace.jobs.get_run(each.run_id, include_history=True))
            for each in workspace.jobs.list_runs(job_id=job.job_id, limit=24)
        ],
    }
    print(json.dumps(found))


def turn(url, name):
    """Pauses the schedule of a job, stops and starts a warehouse and a cluster, and empties a pool."""
    workspace = WorkspaceClient(host=url)
    job = next(iter(workspace.jobs.list(name=name)))
    schedule = workspace.jobs.get(job.job_id).settings.schedule
    schedule.pause_status = PauseStatus.PAUSED
    workspace.jobs.update(job.job_id, new_settings=JobSettings(schedule=schedule))
    pool = workspace.instance_pools.get("pool")
    workspace.instance_pools.edit(
        "pool", pool.instance_pool_name, pool.node_type_id, min_idle_instances=0, max_capacity=pool.max_capacity
    )
    found = {
        "paused": workspace.jobs.get(job.job_id).settings.schedule.pause_status.value,
        "cron": workspace.jobs.get(job.job_id).settings.schedule.quartz_cron_expression,
        "stopped": workspace.warehouses.stop_and_wait("wh").state.value,
        "started": workspace.warehouses.start_and_wait("wh").state.value,
        "terminated": workspace.clusters.delete_and_wait("cl").state.value,
        "running": workspace.clusters.start_and_wait("cl").state.value,
        "min_idle": workspace.instance_pools.get("pool").min_idle_instances,
    }
    print(json.dumps(found))


if sys.argv[3:] == ["turn"]:
    turn(*sys.argv[1:3])
else:
    main(*sys.argv[1:])
