//! Steps that change protocol or metadata.

use std::collections::BTreeMap;

use crate::history::Step;
use crate::table::{Column, Draft, Kind, Table, Terms};

impl Table {
    /// Changes protocol or metadata, and rewrites what has to be rewritten for it.
    pub(crate) fn change_terms(&mut self, step: &Step) -> Draft {
        let mut terms = self.now().terms.clone();
        let mut draft = Draft::new("SET TBLPROPERTIES");
        match *step {
            Step::Retype { column } if !terms.append_only => {
                let number = usize::from(column) % terms.columns.len();
                let column = &mut terms.columns[number];
                column.kind = if column.kind == Kind::Text { Kind::Int } else { Kind::Text };
                column.widened = false;
                let kind = column.kind;
                let name = if terms.mapped { column.physical.clone() } else { column.name.clone() };
                draft = self.recast(&name, kind);
            }
            Step::MapColumns if !terms.mapped => {
                terms.mapped = true;
                for column in &mut terms.columns {
                    column.physical.clone_from(&column.name);
                }
            }
            Step::UnmapColumns if terms.mapped => {
                let renamed: BTreeMap<String, String> = terms
                    .columns
                    .iter()
                    .map(|column| (column.physical.clone(), column.name.clone()))
                    .collect();
                terms.mapped = false;
                draft = self.unmapped(&renamed);
            }
            Step::ForbidVectors if terms.vectors => {
                let with_vector =
                    self.now().live.keys().filter(|key| key.vector.is_some()).cloned().collect();
                let purge = self.rewrite_all("REORG", with_vector);
                if !purge.is_empty() {
                    self.commit(&purge);
                }
                terms.vectors = false;
                draft = Draft::new("DROP FEATURE");
            }
            Step::AllowVectors => terms.vectors = true,
            Step::TrackRows => terms.row_tracking = true,
            Step::Iceberg { on } => terms.iceberg = on,
            Step::AppendOnly { on } => terms.append_only = on,
            _ if !self.change_column(&mut terms, step) => return draft,
            _ => {}
        }
        draft.terms = Some(terms);
        draft
    }

    /// Changes a column in the schema alone.
    fn change_column(&self, terms: &mut Terms, step: &Step) -> bool {
        let count = terms.columns.len();
        let at = |column: u8| usize::from(column) % count;
        match *step {
            Step::AddColumn { name } => {
                let name = format!("c{name}");
                if terms.columns.iter().any(|column| column.name == name) {
                    return false;
                }
                terms.max_id += 1;
                let physical = if terms.mapped { format!("col-{}", terms.max_id) } else { name.clone() };
                terms.columns.push(Column {
                    name,
                    physical,
                    id: terms.max_id,
                    kind: Kind::Int,
                    widened: false,
                });
            }
            Step::DropColumn { column } if count > 1 => {
                terms.columns.remove(at(column));
            }
            Step::RenameColumn { column, name } if terms.mapped => {
                let name = format!("c{name}");
                if terms.columns.iter().any(|column| column.name == name) {
                    return false;
                }
                terms.columns[at(column)].name = name;
            }
            Step::Widen { column } => {
                let column = &mut terms.columns[at(column)];
                if column.kind != Kind::Int {
                    return false;
                }
                (column.kind, column.widened) = (Kind::Long, true);
            }
            Step::ForgetWidening { column } => {
                let column = &mut terms.columns[at(column)];
                let name = if terms.mapped { &column.physical } else { &column.name };
                let mut rows = self.now().live.keys().flat_map(|key| self.written.rows(key));
                if !column.widened
                    || rows.any(|row| row.values.get(name).is_some_and(|value| value.0 == Kind::Int))
                {
                    return false;
                }
                column.widened = false;
            }
            _ => return false,
        }
        true
    }

    /// Rewrites the whole table with another type for a column.
    fn recast(&mut self, name: &str, kind: Kind) -> Draft {
        let mut draft = Draft::new("WRITE");
        for key in self.now().live.keys().cloned().collect::<Vec<_>>() {
            let mut rows = self.rewritten(std::slice::from_ref(&key));
            for row in &mut rows {
                row.values.entry(name.to_owned()).and_modify(|value| value.0 = kind);
            }
            let partition = self.written.file(&key).partition;
            draft.removes.push((key, true));
            let key = self.write(partition, rows, true);
            draft.adds.push((key, true));
        }
        draft
    }

    /// Rewrites the whole table under logical names.
    fn unmapped(&mut self, renamed: &BTreeMap<String, String>) -> Draft {
        let mut draft = Draft::new("REMOVE COLUMN MAPPING");
        for key in self.now().live.keys().cloned().collect::<Vec<_>>() {
            let mut rows = self.rewritten(std::slice::from_ref(&key));
            for row in &mut rows {
                let old = std::mem::take(&mut row.values);
                row.values = old.into_iter().map(|(name, value)| (renamed[&name].clone(), value)).collect();
            }
            let partition = self.written.file(&key).partition;
            draft.removes.push((key, false));
            let key = self.write(partition, rows, true);
            draft.adds.push((key, false));
        }
        draft
    }
}
