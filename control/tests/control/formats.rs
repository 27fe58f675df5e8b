use lakedr_control::codec::{DecodeError, Document, Writer};
use lakedr_control::group_log::{Entry, Event};
use lakedr_control::run_record::{RunRecord, RunStatus};
use lakedr_control::spec::{ExternalLocationSpec, SnapshotScheduleSpec, SyncGroupSpec};

const LOCATION_1: &str = r#"{
  "kind": "external_location", "format": 1, "name": "west", "generation": 3,
  "digest": "sha256:d0fdb3afc2f42d17bc80421c9f43a0e2e2f0ddbb59c4a11cc05a0a4a29f0c7dd",
  "written_by": {"provider": "0.1.0", "region": "eastus2"}, "written_at": "2026-11-20T08:00:00.000Z",
  "spec": {"name": "west", "region": "westus2", "url": "s3://dr/west", "read_only": false, "skip_validation": false}
}"#;

fn with_right_digest(text: &str) -> String {
    let mut value: serde_json::Value = serde_json::from_str(text).unwrap();
    value["digest"] = lakedr_control::digest::of_json(&value["spec"]).unwrap().into();
    value.to_string()
}

#[test]
fn format_1_of_an_external_location() {
    let document: Document<ExternalLocationSpec> =
        Document::decode("k", with_right_digest(LOCATION_1).as_bytes()).unwrap();
    assert_eq!((document.generation, document.spec.region.as_str()), (3, "westus2"));
    assert_eq!(Document::decode("k", &document.encode().unwrap()).unwrap(), document);
}

#[test]
fn format_1_of_a_sync_group() {
    let spec = r#"{"name":"etl","initial_active_region":"eastus2",
        "primary":{"region":"eastus2","location":"east","table_root":"s3://lake-east"},
        "secondary":{"region":"westus2","location":"west","table_root":"s3://lake-west"},
        "tables":[{"name":"cat.raw.bronze"}],"workflow":{"marker":{"url":"s3://lake-east/runs"}},
        "egress_price_per_gib":0.02}"#;
    let spec: SyncGroupSpec = serde_json::from_str(spec).unwrap();
    assert_eq!(spec.retry.max_attempts, 3);
    assert_eq!(spec.clock_skew, "2s");
    let writer = Writer { provider: "0.1.0".to_owned(), region: "eastus2".to_owned() };
    let document = Document::new(spec, 1, writer, chrono::DateTime::UNIX_EPOCH).unwrap();
    let text = String::from_utf8(document.encode().unwrap()).unwrap();
    assert!(text.contains("\"written_at\": \"1970-01-01T00:00:00.000Z\""), "{text}");
    assert_eq!(Document::<SyncGroupSpec>::decode("k", text.as_bytes()).unwrap(), document);
}

#[test]
fn format_1_of_a_snapshot_schedule() {
    let spec = r#"{"name":"weekly","source":{"sync_group":"etl"},"target":{"location":"west","prefix":"snapshots"},
        "schedule":{"cron":"0 3 * * 0","timezone":"UTC"},"retention":{"keep_last":4,"keep_within":"30d"}}"#;
    let spec: SnapshotScheduleSpec = serde_json::from_str(spec).unwrap();
    assert!(lakedr_control::validate::snapshot_schedule(&spec).is_ok());
}

#[test]
fn a_newer_format_names_the_version_to_install() {
    let newer = LOCATION_1
        .replace("\"format\": 1", "\"format\": 2")
        .replace("0.1.0", "9.1.0")
        .replace("\"spec\"", "\"shape\"");
    let error = Document::<ExternalLocationSpec>::decode("v1/external_locations/west.json", newer.as_bytes())
        .unwrap_err();
    insta::assert_snapshot!(error.to_string(), @"v1/external_locations/west.json: format 2 of this external location document is newer than this program knows (up to 1); written by lakedr 9.1.0, install that version or a newer one");
}

#[test]
fn what_was_tampered_with_is_refused() {
    let wrong_digest = Document::<ExternalLocationSpec>::decode("k", LOCATION_1.as_bytes()).unwrap_err();
    assert!(matches!(wrong_digest, DecodeError::Inconsistent { field: "digest", .. }), "{wrong_digest}");
    let unknown = with_right_digest(LOCATION_1).replace("\"generation\"", "\"surprise\":1,\"generation\"");
    let unknown = Document::<ExternalLocationSpec>::decode("k", unknown.as_bytes()).unwrap_err();
    assert!(matches!(unknown, DecodeError::Malformed { .. }), "{unknown}");
}

#[test]
fn format_1_of_a_log_entry() {
    let text = r#"{"format":1,"group":"etl","seq":12,"epoch":1,"at":"2026-11-20T08:00:00.000Z",
        "by":{"executor":"0.1.0","host":"h","run":"u"},"event":{"type":"intent","kind":"publish","spec_digest":"sha256:0",
        "cut":{"id":"c","kind":"workflow","run":{"id":"123","ended_at":"2026-11-20T07:59:00.000Z"},"as_of":"2026-11-20T07:59:00.000Z",
        "tables":[{"name":"cat.raw.bronze","source_table_id":"t","source_version":7,"target_version":3,"files_copied":4,
        "bytes_copied":1048576,"files_removed":1,"files_reused":9}]},
        "slots":[{"table":"cat.raw.bronze","url":"s3://b/x","version":3,"body_digest":"sha256:1"}]}}"#;
    let entry = Entry::decode("k", text.as_bytes()).unwrap();
    assert!(matches!(&entry.event, Event::Intent { slots, .. } if slots[0].version == 3));
    let again = serde_json::to_vec(&entry).unwrap();
    assert_eq!(Entry::decode("k", &again).unwrap(), entry);
}

#[test]
fn format_1_of_a_run_record() {
    let text = r#"{"format":1,"group":"etl","run":"2","attempt":1,"started_at":"2026-11-20T07:00:00.000Z",
        "ended_at":"2026-11-20T07:59:00.000Z","status":"success","versions":{"cat.raw.bronze":7}}"#;
    let record = RunRecord::decode("k", text.as_bytes()).unwrap();
    assert_eq!(record.status, Some(RunStatus::Success));
    assert_eq!(record.versions[&"cat.raw.bronze".parse().unwrap()], 7);
}
