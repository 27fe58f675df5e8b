//! Instants of the physical type INT96, which Spark writes unless told otherwise: days and nanoseconds of the day. Read
//! as 64-bit nanoseconds, as Arrow does of itself, they wrap around outside of the years 1677 to 2262; Delta counts
//! microseconds.

use std::sync::Arc;

use arrow_schema::{DataType, FieldRef, Fields, Schema, TimeUnit};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::Type;
use parquet::errors::Result;
use parquet::schema::types::SchemaDescriptor;

/// The footer of a file, by which its columns of INT96 are read as microseconds in UTC.
///
/// # Errors
/// When the footer's schema has no such reading.
pub fn in_microseconds(footer: ArrowReaderMetadata) -> Result<ArrowReaderMetadata> {
    let leaves = footer.parquet_schema();
    if leaves.columns().iter().all(|leaf| leaf.physical_type() != Type::INT96) {
        return Ok(footer);
    }
    let arrow = footer.schema();
    let fields = Walk { leaves, next: 0 }.fields(arrow.fields());
    let schema = Schema::new_with_metadata(fields, arrow.metadata().clone());
    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    ArrowReaderMetadata::try_new(Arc::clone(footer.metadata()), options)
}

/// A walk over the fields of Arrow, whose leaves are those of Parquet in their order.
struct Walk<'a> {
    leaves: &'a SchemaDescriptor,
    next: usize,
}

impl Walk<'_> {
    fn fields(&mut self, fields: &Fields) -> Fields {
        fields.iter().map(|field| self.field(field)).collect()
    }

    fn field(&mut self, field: &FieldRef) -> FieldRef {
        let data_type = match field.data_type() {
            DataType::Struct(members) => DataType::Struct(self.fields(members)),
            DataType::List(item) => DataType::List(self.field(item)),
            DataType::Map(entries, sorted) => DataType::Map(self.field(entries), *sorted),
            leaf => self.leaf(leaf),
        };
        Arc::new(field.as_ref().clone().with_data_type(data_type))
    }

    fn leaf(&mut self, data_type: &DataType) -> DataType {
        let leaf = self.next;
        self.next += 1;
        match self.leaves.columns().get(leaf).map(|column| column.physical_type()) {
            Some(Type::INT96) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            _ => data_type.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delta::checkpoint::files::adds;
    use bytes::Bytes;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use parquet::data_type::{ByteArray, ByteArrayType, Int64Type, Int96, Int96Type};
    use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
    use parquet::schema::parser::parse_message_type;

    /// Statistics as Spark writes them as columns, with a column beside `at` on either side that is no instant.
    const SCHEMA: &str = "message checkpoint { optional group add {
        optional binary path (UTF8);
        optional group partitionValues (MAP) {
            repeated group key_value { required binary key (UTF8); optional binary value (UTF8); }
        }
        optional int64 size;
        optional group stats_parsed {
            optional group minValues { optional int64 id; optional int96 at; optional int64 nanos (TIMESTAMP(NANOS,false)); }
        }
    } }";

    /// The midnight before a day, counted from the Julian day of the epoch, and nanoseconds behind it.
    fn int96(day: i64, nanos: u64) -> Int96 {
        let mut value = Int96::new();
        let julian = u32::try_from(day + 2_440_588).expect("a day");
        value.set_data((nanos & 0xffff_ffff) as u32, (nanos >> 32) as u32, julian);
        value
    }

    fn write(group: &mut SerializedRowGroupWriter<'_, &mut Vec<u8>>, ats: &[Int96]) {
        let count = ats.len();
        let bytes: Vec<ByteArray> = (0..count).map(|row| ByteArray::from(row.to_string().as_str())).collect();
        let longs: Vec<i64> = (0..).take(count).collect();
        let mut leaf = 0;
        while let Some(mut column) = group.next_column().expect("column") {
            let (present, none) = (vec![if leaf < 4 { 2 } else { 3 }; count], vec![1; count]);
            let repeated = vec![0; count];
            let written = match leaf {
                0 => column.typed::<ByteArrayType>().write_batch(&bytes, Some(&present), None),
                1 | 2 => column.typed::<ByteArrayType>().write_batch(&[], Some(&none), Some(&repeated)),
                3 => column.typed::<Int64Type>().write_batch(&longs, Some(&present), None),
                5 => column.typed::<Int96Type>().write_batch(ats, Some(&vec![4; count]), None),
                4 => column.typed::<Int64Type>().write_batch(&longs, Some(&vec![4; count]), None),
                _ => column.typed::<Int64Type>().write_batch(&vec![0; count], Some(&vec![4; count]), None),
            };
            written.expect("written");
            column.close().expect("closed");
            leaf += 1;
        }
    }

    /// A checkpoint with a live file for every instant.
    fn checkpoint(ats: &[Int96]) -> Bytes {
        let schema = Arc::new(parse_message_type(SCHEMA).expect("schema"));
        let mut file = Vec::new();
        let mut writer = SerializedFileWriter::new(&mut file, schema, Default::default()).expect("writer");
        let mut group = writer.next_row_group().expect("row group");
        write(&mut group, ats);
        group.close().expect("closed");
        writer.close().expect("closed");
        Bytes::from(file)
    }

    #[test]
    fn instants_outside_of_64_bit_nanoseconds_are_exact() {
        const DAY_NS: u64 = 86_400_000_000_000;
        let cases = [
            (int96(2_932_896, DAY_NS - 1_000), "9999-12-31T23:59:59.999999Z"),
            (int96(-719_162, 0), "0001-01-01T00:00:00.000Z"),
            (int96(20_778, 35_000_001_000), "2026-11-21T00:00:35.000001Z"),
        ];
        let file = checkpoint(&cases.each_ref().map(|(at, _)| *at));
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let footer =
            in_microseconds(ArrowReaderMetadata::load(&file, options).expect("footer")).expect("schema");
        let mut reader =
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, footer).build().expect("reader");
        let batch = reader.next().expect("one").expect("batch");
        let adds = adds(&batch, |_| false).expect("adds");
        assert_eq!(adds.len(), cases.len());
        for (row, ((_, add), (_, expected))) in adds.iter().zip(cases).enumerate() {
            let stats = format!(
                r#"{{"minValues":{{"id":{row},"at":"{expected}","nanos":"1970-01-01T00:00:00.000"}}}}"#
            )
            .replace('"', "\\\"");
            let text = format!(r#"{{"path":"{row}","size":{row},"stats":"{stats}"}}"#);
            assert_eq!(add.raw.text(), text);
        }
    }

    #[test]
    fn other_files_are_read_as_they_are() {
        let schema = Arc::new(parse_message_type("message m { optional int64 a; }").expect("schema"));
        let mut file = Vec::new();
        let writer = SerializedFileWriter::new(&mut file, schema, Default::default()).expect("writer");
        writer.close().expect("closed");
        let footer = ArrowReaderMetadata::load(&Bytes::from(file), Default::default()).expect("footer");
        let schema = Arc::clone(footer.schema());
        assert!(Arc::ptr_eq(in_microseconds(footer).expect("footer").schema(), &schema));
    }
}
