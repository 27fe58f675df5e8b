use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use lakedr_control::group_log::History;
use lakedr_control::id::{Name, TableName};
use lakedr_control::service::{Call, Service, ServiceError};
use lakedr_control::validate::Publisher;

use super::answer::{QueriesPage, Query, Question, Statement};
use super::error::{FailedStatement, WarehouseError};
use super::rows::HistoryRow;
use super::running::{Statements, cancel, path};
use super::script;
use crate::observe::workflow::workspace_login;
use crate::pipeline::Scene;

const STATEMENTS: &str = "/api/2.0/sql/statements";
const HISTORY: &str = "/api/2.0/sql/history/queries";

/// States in the query history of statements that have not ended; the service asks to be asked for one at a time.
const UNDER_WAY: &[&str] = &["QUEUED", "STARTED", "COMPILING", "COMPILED", "RUNNING"];

/// How often a statement is asked for that was told to end.
const LOOKS: usize = 30;

/// The SQL warehouse that commits to the tables of the standby region.
#[derive(Debug)]
pub(crate) struct Warehouse {
    service: Service,
    id: String,
    /// URL of its workspace.
    workspace: String,
    running: Statements,
}

fn failed(cause: ServiceError) -> WarehouseError {
    WarehouseError::Service { cause }
}

impl Warehouse {
    /// The warehouse of the region that is standby. Nothing is sent.
    ///
    /// # Errors
    /// [`WarehouseError::Nobody`], or when its credentials cannot be had.
    pub(crate) async fn open(scene: &Scene<'_>, history: &History) -> Result<Self, WarehouseError> {
        let standby = scene.standby(history);
        let side = scene.group.side(standby);
        let nobody = |missing| WarehouseError::Nobody { region: side.region.clone(), missing };
        let missing = match scene.group.publisher {
            Publisher::Native => "publish.engine = \"databricks_sql\"",
            Publisher::Warehouse { .. } => "publish.primary_warehouse_id",
        };
        let id = scene.group.publisher.warehouse(standby).ok_or_else(|| nobody(missing))?;
        let workspace = side.workspace.as_ref().ok_or_else(|| nobody("workspace"))?;
        let url = workspace.url.to_string();
        let login = workspace_login(workspace, &scene.secrets).await;
        let login = login.map_err(Box::new)?;
        let service = Service::new(&url, login).map_err(failed)?;
        Ok(Self { service, id: id.to_owned(), workspace: url, running: scene.world.statements.clone() })
    }

    /// Its id.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// URL of its workspace.
    pub(super) fn workspace(&self) -> &str {
        &self.workspace
    }

    /// The history of a table without its maintenance, newest first; none when there is no such table.
    pub(super) async fn history(&self, table: &TableName) -> Result<Option<Vec<HistoryRow>>, WarehouseError> {
        match self.run(&script::history(table)).await {
            Ok(rows) => rows.into_iter().map(|row| self.row(row)).collect::<Result<_, _>>().map(Some),
            Err(error) if error.is_no_table() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn row(&self, row: Vec<Option<String>>) -> Result<HistoryRow, WarehouseError> {
        let number = |column: usize| row.get(column).cloned().flatten().and_then(|text| text.parse().ok());
        let text = |column: usize| row.get(column).cloned().flatten();
        match (number(0), text(1)) {
            (Some(version), Some(operation)) if row.len() == script::COLUMNS => Ok(HistoryRow {
                version,
                operation,
                source: text(2),
                source_version: number(3),
                restored: number(4),
                author: text(5).or_else(|| text(6)).unwrap_or_else(|| "unknown".to_owned()),
                committed_at: text(7).and_then(|text| text.parse().ok()),
            }),
            _ => Err(WarehouseError::NoHistory { warehouse: self.id.clone(), row }),
        }
    }

    /// Has a statement carried out to its end: its rows. If this call is interrupted meanwhile, the statement is cancelled.
    pub(super) async fn run(&self, statement: &str) -> Result<Vec<Vec<Option<String>>>, WarehouseError> {
        let question = Question {
            warehouse_id: &self.id,
            statement,
            wait_timeout: "0s",
            disposition: "INLINE",
            format: "JSON_ARRAY",
        };
        let call = Call::post(STATEMENTS).with_json(&question);
        let call =
            call.map_err(|cause| failed(ServiceError::Malformed { url: self.workspace.clone(), cause }))?;
        let mut answer: Statement = self.service.ask(&call).await.map_err(failed)?;
        let id = answer.statement_id.clone();
        self.running.began(&id, &self.service);
        let mut waits = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(5))
            .with_factor(1.5)
            .without_max_times()
            .build();
        while !answer.status.has_ended() {
            tokio::time::sleep(waits.next().unwrap_or_default()).await;
            answer = self.service.ask(&Call::get(path(&id))).await.map_err(failed)?;
        }
        self.running.ended(&id);
        if answer.status.is_success() {
            return Ok(answer.result.unwrap_or_default().data_array);
        }
        let problem = answer.status.error.unwrap_or_default();
        Err(WarehouseError::Failed(Box::new(FailedStatement {
            warehouse: self.id.clone(),
            statement: id,
            state: answer.status.state,
            code: problem.error_code,
            message: problem.message,
            sql_state: answer.status.sql_state.unwrap_or_default(),
        })))
    }

    /// Waits for what is under way for an intent, whoever sent it, and ends what is under way for an earlier one: no statement
    /// of the group is on its way to its tables after this.
    pub(super) async fn quiesce(&self, group: &Name, intent: u64) -> Result<(), WarehouseError> {
        let own = script::mark(group, intent);
        for status in UNDER_WAY {
            for query in self.under_way(status, &script::group_mark(group)).await? {
                if script::is_marked(&query.query_text, &own) {
                    self.wait_for(&query.query_id, usize::MAX).await?;
                } else {
                    self.end(&query.query_id).await?;
                }
            }
        }
        Ok(())
    }

    async fn under_way(&self, status: &str, mark: &str) -> Result<Vec<Query>, WarehouseError> {
        let (mut found, mut token) = (Vec::new(), None::<String>);
        loop {
            let mut query = vec![
                ("filter_by.warehouse_ids", self.id.as_str()),
                ("filter_by.statuses", status),
                ("max_results", "100"),
            ];
            query.extend(token.as_deref().map(|token| ("page_token", token)));
            let page: QueriesPage =
                self.service.ask(&Call::get(HISTORY).with_query(&query)).await.map_err(failed)?;
            found.extend(page.res.into_iter().filter(|query| query.query_text.contains(mark)));
            token = page.next_page_token.filter(|token| page.has_next_page && !token.is_empty());
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    async fn end(&self, id: &str) -> Result<(), WarehouseError> {
        tracing::warn!(
            statement = id,
            "a statement of an earlier publish is still under way, and is cancelled"
        );
        self.service.tell(&cancel(id)).await.map_err(failed)?;
        self.wait_for(id, LOOKS).await
    }

    async fn wait_for(&self, id: &str, looks: usize) -> Result<(), WarehouseError> {
        for _ in 0..looks {
            let answer: Statement = self.service.ask(&Call::get(path(id))).await.map_err(failed)?;
            if answer.status.has_ended() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Err(WarehouseError::StillRunning { warehouse: self.id.clone(), statement: id.to_owned() })
    }
}
