"""Asks a workspace what lakedr asks it, with the SDK of its vendor, and prints what that makes of the answers.

    ask.py URL JOB_NAME  (DATABRICKS_TOKEN, or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET)
"""

import json
import sys

from databricks.sdk import WorkspaceClient


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


main(*sys.argv[1:])
