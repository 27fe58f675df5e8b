use lakedr_control::codec::{DecodeError, Document, Writer};
use lakedr_control::drill::{DrillClaim, DrillReport};
use lakedr_control::group_log::{Entry, Event, Head, HeadIgnored};
use lakedr_control::known_runs::{Forgotten, KnownRuns};
use lakedr_control::lost::LostCommits;
use lakedr_control::notification::{EventKind, Ledger, LedgerIgnored};
use lakedr_control::other_region::{Sighting, SightingIgnored};
use lakedr_control::run_record::{RunRecord, RunStatus};
use lakedr_control::spec::{ExternalLocationSpec, SnapshotScheduleSpec, SyncGroupSpec};
use lakedr_control::verification::Verification;

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

#[test]
fn format_1_of_a_verification() {
    let text = r#"{"format":1,"seq":3,"cut":"bec5290d135e53cd","level":"content","equal":true,
        "at":"2026-11-20T09:50:08.559Z"}"#;
    let verification = Verification::decode("k", text.as_bytes()).unwrap();
    assert_eq!(verification.describe(), "2026-11-20T09:50:08.559Z, level content: equal");
    let again = serde_json::to_vec(&verification).unwrap();
    assert_eq!(Verification::decode("k", &again).unwrap(), verification);
    let newer = text.replace("\"format\":1", "\"format\":2");
    let error = Verification::decode("k", newer.as_bytes()).unwrap_err();
    assert!(matches!(error, DecodeError::NewerFormat { .. }), "{error}");
}

#[test]
fn format_1_of_a_report_on_lost_commits() {
    let text = r#"{"format":1,"group":"etl","epoch":2,"region":"east","table":"cat.raw.bronze","url":"s3://east/bronze",
        "recovery_point":5,"recovery_version":2,"commits":[{"version":3,"at":"2026-11-20T09:50:08.559Z",
        "operation":"WRITE","engine":"e/1.0","job_run_id":"7","files":[{"path":"day=1/p.parquet","size":9,"rows":2}],
        "files_removed":1}]}"#;
    let report = LostCommits::decode("k", text.as_bytes()).unwrap();
    assert_eq!((report.commits[0].version, report.commits[0].files[0].rows), (3, Some(2)));
    let again = serde_json::to_vec(&report).unwrap();
    assert_eq!(LostCommits::decode("k", &again).unwrap(), report);
    let newer = text.replace("\"format\":1", "\"format\":2");
    let error = LostCommits::decode("k", newer.as_bytes()).unwrap_err();
    assert!(matches!(error, DecodeError::NewerFormat { .. }), "{error}");
}

#[test]
fn format_1_of_the_head_of_a_log() {
    let text = r#"{"format":1,"group":"etl","entry_digest":"sha256:0","digest":"","spec":{
        "next_seq":5,"epoch":1,"role":{"active":"east","standby":"west"},"spec_digest":"sha256:1",
        "recovery_points":[{"seq":3,"intent":2,"kind":"publish","epoch":1,"published_at":"2026-11-20T08:00:00.000Z",
        "publish_window_ms":12,"cut":{"id":"c","kind":"schedule","as_of":"2026-11-20T07:59:00.000Z","tables":[
        {"name":"cat.raw.bronze","source_table_id":"t","source_version":7,"target_version":3,"files_copied":4,
        "bytes_copied":1048576,"files_removed":1,"files_reused":9}]}}],"last_publish_at":"2026-11-20T08:00:00.000Z",
        "last_failure":{"seq":4,"at":"2026-11-20T08:15:00.000Z","attempt":1,"stage":"copy","class":"unreachable",
        "message":"m"}}}"#;
    let text = with_right_digest(text).replace("\"spec\":", "\"state\":");
    let etl = "etl".parse().unwrap();
    let head = Head::decode(&etl, text.as_bytes()).unwrap();
    assert_eq!((head.state.seq(), head.state.recovery_point().unwrap().seq), (4, 3));
    assert_eq!(Head::decode(&etl, &head.encode().unwrap()).unwrap(), head);

    let other = Head::decode(&"other".parse().unwrap(), text.as_bytes()).unwrap_err();
    assert!(matches!(other, HeadIgnored::OtherGroup { .. }), "{other}");
    let newer = text.replace("\"format\":1", "\"format\":2");
    let newer = Head::decode(&etl, newer.as_bytes()).unwrap_err();
    assert!(matches!(newer, HeadIgnored::OtherFormat { found: 2 }), "{newer}");
    let changed = text.replace("\"next_seq\":5", "\"next_seq\":6");
    let changed = Head::decode(&etl, changed.as_bytes()).unwrap_err();
    assert!(matches!(changed, HeadIgnored::Damaged), "{changed}");
}

#[test]
fn format_1_of_known_runs() {
    let text = r#"{"format":1,"group":"etl","url":"s3://lake/runs","digest":"","spec":{
        "settled_by":{"ended_at":"2026-11-20T07:59:00.000Z","versions":{"cat.raw.bronze":7}},
        "settled":{"1":"0123456789abcdef"},
        "open":{"2":{"fingerprint":"0123456789abcdef","records":[{"format":1,"group":"etl","run":"2","attempt":1,
        "ended_at":"2026-11-20T07:59:00.000Z","status":"success","versions":{"cat.raw.bronze":7}}]}}}}"#;
    let text = with_right_digest(text).replace("\"spec\":", "\"runs\":");
    let etl = "etl".parse().unwrap();
    let runs = KnownRuns::decode(&etl, "s3://lake/runs", text.as_bytes()).unwrap();
    assert_eq!((runs.settled.len(), runs.open["2"].records[0].status), (1, Some(RunStatus::Success)));
    let again = KnownRuns::new(etl.clone(), "s3://lake/runs".to_owned(), runs.clone()).unwrap();
    assert_eq!(KnownRuns::decode(&etl, "s3://lake/runs", &again.encode().unwrap()).unwrap(), runs);

    let elsewhere = KnownRuns::decode(&etl, "s3://lake/other", text.as_bytes()).unwrap_err();
    assert!(matches!(elsewhere, Forgotten::OtherPlace { .. }), "{elsewhere}");
    let changed = text.replace("\"settled\":{\"1\"", "\"settled\":{\"3\"");
    let changed = KnownRuns::decode(&etl, "s3://lake/runs", changed.as_bytes()).unwrap_err();
    assert!(matches!(changed, Forgotten::Damaged), "{changed}");
}

#[test]
fn format_1_of_a_sighting_of_the_other_region() {
    let text = format!(
        r#"{{"format":1,"group":"etl","control":"s3://control-east","seen_at":"2026-11-20T08:00:00.000Z",
            "declared":{{"sync_group":null,"external_locations":{{"east":null,"west":{LOCATION_1}}}}}}}"#
    );
    let etl = "etl".parse().unwrap();
    let seen = Sighting::decode(&etl, text.as_bytes()).unwrap();
    assert_eq!(seen.declared.external_locations["west"].as_ref().unwrap().generation, 3);
    assert_eq!(seen.declared.external_locations["east"], None);
    assert_eq!(Sighting::decode(&etl, &seen.encode().unwrap()).unwrap(), seen);
    for other in [
        text.replacen("\"format\":1", "\"format\":2", 1),
        text.replace("\"group\":\"etl\"", "\"group\":\"x\""),
    ] {
        let ignored = Sighting::decode(&etl, other.as_bytes()).unwrap_err();
        assert!(matches!(ignored, SightingIgnored::Other { .. }), "{ignored}");
    }
}

#[test]
fn format_1_of_a_ledger_of_notifications() {
    let text = r#"{"format":1,"group":"etl","since":"2026-11-20T08:00:00.000Z","told_up_to":16,
        "retention_seen_at":"2026-11-20T08:00:00.000Z",
        "standing":[{"event":"failure","incident":"etl/1/failure/17","since":"2026-11-20T08:00:00.000Z",
            "told_at":"2026-11-20T08:00:00.000Z","told":1,"classes":["denied"]}],
        "outbox":[{"target":"env://SLACK","taken":{"by":"b1","at":"2026-11-20T08:00:00.000Z"},
            "notice":{"id":"etl/1/failure/17","event":"failure","incident":"etl/1/failure/17","group":"etl",
            "epoch":1,"at":"2026-11-20T08:00:00.000Z","title":"etl: sync fails (denied)","text":"…","class":"denied"}}]}"#;
    let etl = "etl".parse().unwrap();
    let ledger = Ledger::decode(&etl, text.as_bytes()).unwrap();
    assert_eq!((ledger.standing[0].event, ledger.outbox.len()), (EventKind::Failure, 1));
    assert_eq!(Ledger::decode(&etl, &ledger.encode().unwrap()).unwrap(), ledger);
    for other in [
        text.replace("\"format\":1", "\"format\":2"),
        text.replace("\"group\":\"etl\",\"since", "\"group\":\"x\",\"since"),
    ] {
        let ignored = Ledger::decode(&etl, other.as_bytes()).unwrap_err();
        assert!(matches!(ignored, LedgerIgnored::Other { .. }), "{ignored}");
    }
}

#[test]
fn format_1_of_a_drill() {
    let claim = r#"{"format":1,"group":"etl","drill":2,"begun_at":"2026-11-20T08:00:00.000Z","alive_at":"2026-11-20T08:01:00.000Z",
        "over":false,"by":{"executor":"0.1.0","host":"h","run":"r"}}"#;
    let claim = DrillClaim::decode("k", claim.as_bytes()).unwrap();
    assert_eq!((claim.drill, claim.over), (2, false));
    let text = r#"{"format":1,"group":"etl","drill":2,"region":"west","lost_region":"east","epoch":1,
        "begun_at":"2026-11-20T08:00:00.000Z","ended_at":"2026-11-20T08:02:00.000Z",
        "by":{"executor":"0.1.0","host":"h","run":"r"},"previous":{"drill":1,"digest":"sha256:00"},
        "passed":true,"last_passed_at":"2026-11-20T08:02:00.000Z","problems":[],"warnings":["w"],
        "recovery_point":{"seq":7,"cut":"c","holds":"run 1","as_of":"2026-11-20T07:00:00.000Z"},
        "rpo_seconds":3600,"rpo_target_seconds":7200,"rpo_met":true,"rto_ms":900,"rto_target_seconds":null,"rto_met":null,
        "steps":[{"step":"log","took_ms":900,"counts":true,"result":"r"}],
        "tables":[{"name":"c.s.t","version":3,"files":1,"bytes":2,"opened":1,"problems":[]}],
        "services":[{"service":"west: job 1","problem":null}],
        "validation":{"command":"/x","passed":true,"ended":"exit status: 0","said":""},"kept":null,"removed":[1]}"#;
    let report = DrillReport::decode("k", text.as_bytes()).unwrap();
    let again = serde_json::to_string(&report).unwrap();
    assert_eq!(DrillReport::decode("k", again.as_bytes()).unwrap(), report);
    let newer =
        DrillReport::decode("k", text.replace("\"format\":1", "\"format\":2").as_bytes()).unwrap_err();
    assert!(newer.to_string().contains("newer"), "{newer}");
}
