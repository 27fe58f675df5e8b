//! Byte tables of the protocol sheet (13.1), damage, and round trips over random types.

use super::{decode, encode};
use crate::wire::arbitrary::typed_value;
use crate::wire::{Problem, Type, Unknown, Value};

fn ty(text: &str) -> Type {
    text.parse().unwrap()
}

fn number(text: &str) -> Value {
    Value::Number(text.parse().unwrap())
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// Values, their types and their bytes, in both directions.
#[test]
fn byte_table() {
    let string = r#""string""#;
    let numeric = r#""number""#;
    let dynamic = r#""dynamic""#;
    let refined = |bytes: &str| Value::Unknown(Unknown::refined(hex(bytes)));
    let typed = |value| Value::Dynamic(Box::new((Type::String, value)));
    let table = [
        (Value::Null, string, "c0"),
        (Value::Bool(true), r#""bool""#, "c3"),
        (number("1"), numeric, "01"),
        (number("-5"), numeric, "fb"),
        (number("300"), numeric, "cd012c"),
        (number("1.5"), numeric, "cb3ff8000000000000"),
        (number("0.1"), numeric, "a3302e31"),
        (number("9223372036854775807"), numeric, "cf7fffffffffffffff"),
        (number("9223372036854775808"), numeric, "b339323233333732303336383534373735383038"),
        (number("-9223372036854775808"), numeric, "d38000000000000000"),
        ("s".into(), string, "a173"),
        (Value::unknown(), string, "d40000"),
        (refined("8101c2"), string, "c7030c8101c2"),
        (refined("8201c202a47072652d"), string, "c7090c8201c202a47072652d"),
        (refined("8101c20304"), string, "c7050c8101c20304"),
        (typed("s".into()), dynamic, "92c40822737472696e6722a173"),
        (Value::Null, dynamic, "c0"),
        (typed(Value::unknown()), dynamic, "92c40822737472696e6722d40000"),
        (Value::object([("a", number("1"))]), r#"["object",{"a":"number"}]"#, "81a16101"),
        (Value::List(vec![]), r#"["list","string"]"#, "90"),
        (Value::Map([].into()), r#"["map","string"]"#, "80"),
        (Value::object::<String>([]), r#"["object",{}]"#, "80"),
        (Value::Tuple(vec!["a".into(), true.into()]), r#"["tuple",["string","bool"]]"#, "92a161c3"),
    ];
    for (value, constraint, bytes) in table {
        let ty = ty(constraint);
        assert_eq!(encode(&value, &ty).unwrap(), hex(bytes), "encoding {value:?}");
        let decoded = decode(&hex(bytes), &ty).unwrap();
        assert_eq!(decoded, value, "decoding {bytes}");
        if let (Value::Unknown(decoded), Value::Unknown(expected)) = (&decoded, &value) {
            assert_eq!(decoded.refinements(), expected.refinements(), "{bytes}");
        }
    }
}

/// Forms that are never written but may be read.
#[test]
fn lenient_forms() {
    let table = [
        (r#""number""#, "d2ffffffff", number("-1")),
        (r#""number""#, "ca3fc00000", number("1.5")),
        (r#""number""#, "d0fb", number("-5")),
        (r#""number""#, "cfffffffffffffffff", number("18446744073709551615")),
        (r#""string""#, "c40173", "s".into()),
        (r#""string""#, "d40500", Value::unknown()),
        (r#""string""#, "c70000", Value::unknown()),
        (r#""string""#, "a365cc81", "\u{e9}".into()),
        (r#""dynamic""#, "92a822737472696e6722a173", Value::Dynamic(Box::new((Type::String, "s".into())))),
        (r#"["list","string"]"#, "dc0001c0", Value::List(vec![Value::Null])),
    ];
    for (constraint, bytes, expected) in table {
        assert_eq!(decode(&hex(bytes), &ty(constraint)).unwrap(), expected, "{bytes}");
    }
}

#[test]
fn damage_is_located() {
    let object = r#"["object",{"a":["list","number"]}]"#;
    let table = [
        (object, "81a16191a178", "at a[0]: \"x\" is not a supported number"),
        (object, "80", "at (root): attribute \"a\" is missing"),
        (object, "81a162c0", "at (root): unsupported attribute \"b\""),
        (object, "81a16192", "at a[0]: the encoded value ends too early"),
        (r#""string""#, "a17300", "at (root): 1 bytes are left after the value"),
        (r#""string""#, "01", "at (root): expected a string, found a number"),
        (r#""string""#, "a1ff", "at (root): a string is not valid UTF-8"),
        (r#""string""#, "d5050000", "at (root): unsupported extension type 5"),
        (r#""number""#, "cb7ff8000000000000", "at (root): \"NaN\" is not a supported number"),
        (r#"["tuple",["string"]]"#, "90", "at (root): expected a tuple of 1 elements, found 0"),
        (r#""dynamic""#, "92a178c0", "at (root): \"x\" is not a type constraint"),
        (r#"["list","string"]"#, "ddffffffff", "at [0]: the encoded value ends too early"),
    ];
    for (constraint, bytes, message) in table {
        assert_eq!(decode(&hex(bytes), &ty(constraint)).unwrap_err().to_string(), message, "{bytes}");
    }
}

#[test]
fn objects_are_encoded_with_exactly_their_attributes() {
    let constraint = ty(r#"["object",{"a":"string"}]"#);
    let missing = encode(&Value::object::<String>([]), &constraint).unwrap_err();
    assert_eq!(missing.problem, Problem::MissingAttribute { name: "a".into() });
    let extra = Value::object([("a", Value::Null), ("b", Value::Null)]);
    assert_eq!(
        encode(&extra, &constraint).unwrap_err().problem,
        Problem::UnsupportedAttribute { name: "b".into() }
    );
}

proptest::proptest! {
    #[test]
    fn round_trips((ty, value) in typed_value()) {
        let bytes = encode(&value, &ty).unwrap();
        let decoded = decode(&bytes, &ty).unwrap();
        proptest::prop_assert_eq!(&decoded, &value);
        proptest::prop_assert_eq!(encode(&decoded, &ty).unwrap(), bytes);
    }

    #[test]
    fn damaged_bytes_never_panic((ty, value) in typed_value(), cut in 0usize..64, flip in 0usize..64) {
        let mut bytes = encode(&value, &ty).unwrap();
        let position = flip % bytes.len();
        bytes[position] ^= 0x5a;
        let _ = decode(&bytes, &ty);
        bytes.truncate(bytes.len().saturating_sub(cut));
        let _ = decode(&bytes, &ty);
    }
}
