//! External locations of the catalog.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::calls::{Answer, refused};

/// By name.
#[derive(Debug, Default)]
pub(super) struct Locations {
    pub(super) known: BTreeMap<String, Value>,
    /// Whether they are those of the open-source server, which keeps no `read_only` and answers a deletion in words.
    pub(super) open_source: bool,
}

impl Locations {
    /// `POST /external-locations`
    pub(super) fn create(&mut self, body: &Value) -> Answer {
        let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
        let (name, url) = (text("name"), text("url"));
        if self.known.contains_key(&name) {
            let message = format!("External Location '{name}' already exists");
            return refused(409, "EXTERNAL_LOCATION_ALREADY_EXISTS", &message);
        }
        if self.known.values().any(|other| other["url"] == url.as_str()) {
            return refused(400, "LOCATION_OVERLAP", &format!("Input path url '{url}' overlaps with others"));
        }
        let mut info = json!({"read_only": false, "comment": null});
        self.merge(&mut info, body);
        info["id"] = json!(format!("10000000-0000-0000-0000-{:012}", self.known.len() + 1));
        self.known.insert(name, info.clone());
        (200, info)
    }

    /// `GET`, `PATCH` and `DELETE /external-locations/{name}`
    pub(super) fn one(&mut self, method: &str, name: &str, body: &Value) -> Answer {
        let Some(mut info) = self.known.get(name).cloned() else {
            let message = format!("External Location '{name}' does not exist.");
            let code = if self.open_source { "NOT_FOUND" } else { "EXTERNAL_LOCATION_DOES_NOT_EXIST" };
            return refused(404, code, &message);
        };
        match method {
            "GET" => (200, info),
            "PATCH" => {
                self.merge(&mut info, body);
                self.known.insert(name.to_owned(), info.clone());
                (200, info)
            }
            "DELETE" => {
                self.known.remove(name);
                (200, if self.open_source { json!("200 OK") } else { json!({}) })
            }
            _ => refused(404, "ENDPOINT_NOT_FOUND", "no such call"),
        }
    }

    fn merge(&self, info: &mut Value, body: &Value) {
        for (field, value) in body.as_object().into_iter().flatten() {
            info[field] = value.clone();
        }
        if let Some(info) = info.as_object_mut().filter(|_| self.open_source) {
            info.remove("read_only");
        }
    }
}
