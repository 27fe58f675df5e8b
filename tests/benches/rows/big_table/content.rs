//! What the log of a big table says: names, actions, statistics.

use std::ops::Range;

use serde_json::{Map, Value, json};

/// Bytes of each data file.
pub(super) const FILE_BYTES: u64 = 64;
/// Each so-manieth file has a deletion vector.
pub(super) const VECTOR_EVERY: u64 = 10;
/// Deletion vectors that share a file.
pub(super) const VECTORS_PER_FILE: u64 = 1000;
/// Bytes of a file of deletion vectors.
pub(super) const VECTOR_FILE_BYTES: u64 = 64 << 10;

const PARTITIONS: u64 = 100;
const VECTOR_BYTES: u64 = 34;
/// A day in 2026; each version is a minute later.
const EPOCH_MS: u64 = 1_767_225_600_000;

/// Path of a data file.
pub(super) fn path(file: u64) -> String {
    let day = file % PARTITIONS;
    format!("day={day:03}/part-{:05}-{}.c000.snappy.parquet", file / PARTITIONS % 200, hyphenated(id(file)))
}

/// Path of a file of deletion vectors (protocol, "Deletion Vector Descriptor Schema", storage type `u`).
pub(super) fn vector_path(number: u64) -> String {
    format!("deletion_vector_{}.bin", hyphenated(vector_id(number)))
}

/// An id that looks like any other, and is the same in every run (the mixing steps of splitmix64).
fn id(of: u64) -> u128 {
    let mixed = |seed: u64| {
        let seed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let seed = (seed ^ (seed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        seed ^ (seed >> 31)
    };
    let (high, low) =
        (mixed(of.wrapping_add(0x9e37_79b9_7f4a_7c15)), mixed(of.wrapping_mul(3).wrapping_add(7)));
    u128::from(high) << 64 | u128::from(low)
}

fn vector_id(number: u64) -> u128 {
    id(number + (1 << 40))
}

fn hyphenated(id: u128) -> String {
    let hex = format!("{id:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// The protocol and the metadata.
pub(super) fn head(columns: u64) -> [Value; 2] {
    let field =
        |name: String, kind: &str| json!({"name": name, "type": kind, "nullable": true, "metadata": {}});
    let mut fields: Vec<Value> = (0..columns).map(|column| field(column_name(column), "long")).collect();
    fields.push(field("day".to_owned(), "string"));
    let schema = json!({"type": "struct", "fields": fields}).to_string();
    [
        json!({"protocol": {
            "minReaderVersion": 3, "minWriterVersion": 7,
            "readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"],
        }}),
        json!({"metaData": {
            "id": "7d1c1d2e-0000-4000-8000-000000000001", "format": {"provider": "parquet", "options": {}},
            "schemaString": schema, "partitionColumns": ["day"],
            "configuration": {"delta.enableDeletionVectors": "true"}, "createdTime": EPOCH_MS,
        }}),
    ]
}

/// A file as the log names it.
pub(super) fn add(file: u64, columns: u64) -> Value {
    let mut add = json!({
        "path": path(file), "partitionValues": {"day": format!("{:03}", file % PARTITIONS)}, "size": FILE_BYTES,
        "modificationTime": EPOCH_MS, "dataChange": false, "stats": stats(file, columns),
    });
    if file.is_multiple_of(VECTOR_EVERY) {
        add["deletionVector"] = vector(file / VECTOR_EVERY);
    }
    json!({ "add": add })
}

fn vector(number: u64) -> Value {
    let id = z85::encode(vector_id(number / VECTORS_PER_FILE).to_be_bytes());
    json!({
        "storageType": "u", "pathOrInlineDv": id, "offset": 1 + number % VECTORS_PER_FILE * (VECTOR_BYTES + 8),
        "sizeInBytes": VECTOR_BYTES, "cardinality": 3,
    })
}

fn stats(file: u64, columns: u64) -> String {
    let least = file * 1000;
    let of_each = |value: u64| -> Map<String, Value> {
        (0..columns).map(|column| (column_name(column), json!(value + column))).collect()
    };
    let nulls: Map<String, Value> = (0..columns).map(|column| (column_name(column), json!(0))).collect();
    json!({
        "numRecords": 1000, "minValues": of_each(least), "maxValues": of_each(least + 999), "nullCount": nulls,
        "tightBounds": !file.is_multiple_of(VECTOR_EVERY),
    })
    .to_string()
}

fn column_name(column: u64) -> String {
    format!("measure_{column:02}")
}

/// A commit that adds these files; none of them has a deletion vector.
pub(super) fn commit(version: u64, files: Range<u64>, columns: u64) -> String {
    let info = json!({"commitInfo": {
        "timestamp": EPOCH_MS + version * 60_000, "operation": "WRITE", "operationParameters": {"mode": "Append"},
        "isBlindAppend": true, "engineInfo": "Apache-Spark/4.0.1 Delta-Lake/4.0.1",
    }});
    let adds = files.map(|file| {
        let mut add = add(file, columns);
        add["add"]["dataChange"] = json!(true);
        if let Some(add) = add["add"].as_object_mut() {
            add.remove("deletionVector");
        }
        add
    });
    let lines: Vec<String> = std::iter::once(info).chain(adds).map(|action| action.to_string()).collect();
    lines.join("\n") + "\n"
}

/// The hint that names the checkpoint.
pub(super) fn last_checkpoint(version: u64, rows: u64, files: u64, bytes: u64) -> String {
    json!({"version": version, "size": rows, "sizeInBytes": bytes, "numOfAddFiles": files}).to_string()
}
