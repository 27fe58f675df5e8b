//! Field numbers that are easy to get wrong, seen in the bytes.
//!
//! A protobuf key is `number << 3 | wire type`; wire type 0 is a varint, 2 is length-delimited.

#![expect(clippy::expect_used, reason = "tests")]

use prost::Message;
use tfplugin::goplugin::StdioData;
use tfplugin::tfplugin6::{
    ActionSchema, AttributePath, Diagnostic, DynamicValue, Function, FunctionError, Schema,
    ServerCapabilities, StringKind, apply_resource_change, attribute_path, get_provider_schema,
    invoke_action, open_ephemeral_resource, plan_resource_change, schema, stop_provider,
    validate_provider_config, validate_resource_config,
};

/// Keys of the top-level fields of a message, in the order of the bytes.
fn fields(message: &impl Message) -> Vec<(u32, u8)> {
    let bytes = message.encode_to_vec();
    let mut rest = bytes.as_slice();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let key = prost::encoding::decode_varint(&mut rest).expect("a key");
        let length = prost::encoding::decode_varint(&mut rest).expect("a varint or a length");
        let wire_type = (key & 7) as u8;
        if wire_type == 2 {
            rest = &rest[usize::try_from(length).expect("a length")..];
        }
        found.push((u32::try_from(key >> 3).expect("a field number"), wire_type));
    }
    found
}

fn some_diagnostics() -> Vec<Diagnostic> {
    vec![Diagnostic { summary: "s".into(), ..Diagnostic::default() }]
}

fn a_value() -> Option<DynamicValue> {
    Some(DynamicValue { msgpack: vec![0xc0], json: Vec::new() })
}

#[test]
fn provider_validation_answers_in_field_two() {
    let response = validate_provider_config::Response { diagnostics: some_diagnostics() };
    assert_eq!(fields(&response), [(2, 2)]);
    let other = validate_resource_config::Response { diagnostics: some_diagnostics() };
    assert_eq!(fields(&other), [(1, 2)]);
}

#[test]
fn stop_error_is_field_one() {
    assert_eq!(fields(&stop_provider::Response { error: "e".into() }), [(1, 2)]);
}

#[test]
fn nested_objects_skip_field_two() {
    let object = schema::Object {
        attributes: vec![schema::Attribute::default()],
        nesting: schema::object::NestingMode::Map.into(),
        ..schema::Object::default()
    };
    assert_eq!(object.encode_to_vec(), [0x0a, 0x00, 0x18, 0x04]);
}

#[test]
fn nested_blocks_have_one_nesting_more_than_objects() {
    let group = schema::NestedBlock {
        nesting: schema::nested_block::NestingMode::Group.into(),
        max_items: 1,
        ..schema::NestedBlock::default()
    };
    assert_eq!(group.encode_to_vec(), [0x18, 0x05, 0x28, 0x01]);
    assert!(schema::object::NestingMode::try_from(5).is_err());
}

#[test]
fn attributes_number_their_nested_type_after_deprecated() {
    let attribute = schema::Attribute {
        name: "n".into(),
        r#type: b"t".to_vec(),
        nested_type: Some(schema::Object::default()),
        description: "d".into(),
        required: true,
        optional: true,
        computed: true,
        sensitive: true,
        description_kind: StringKind::Markdown.into(),
        deprecated: true,
        write_only: true,
        deprecation_message: "m".into(),
    };
    let mut keys = fields(&attribute);
    keys.sort_unstable();
    let varint = [4, 5, 6, 7, 8, 9, 11];
    let expected: Vec<_> = (1..=12).map(|n| (n, if varint.contains(&n) { 0 } else { 2 })).collect();
    assert_eq!(keys, expected);
}

#[test]
fn schemas_keep_the_numbers_of_their_history() {
    let map = |name: &str| [(name.to_owned(), Schema::default())].into();
    let response = get_provider_schema::Response {
        provider: Some(Schema::default()),
        resource_schemas: map("a"),
        data_source_schemas: map("b"),
        diagnostics: some_diagnostics(),
        provider_meta: Some(Schema::default()),
        server_capabilities: Some(ServerCapabilities::default()),
        functions: [("f".to_owned(), Function::default())].into(),
        ephemeral_resource_schemas: map("c"),
        list_resource_schemas: map("d"),
        state_store_schemas: map("e"),
        action_schemas: [("g".to_owned(), ActionSchema::default())].into(),
    };
    let mut keys = fields(&response);
    keys.sort_unstable();
    assert_eq!(keys, (1..=11).map(|n| (n, 2)).collect::<Vec<_>>());
    let only_functions =
        get_provider_schema::Response { functions: response.functions.clone(), ..Default::default() };
    assert_eq!(fields(&only_functions), [(7, 2)]);
    let only_diagnostics =
        get_provider_schema::Response { diagnostics: response.diagnostics, ..Default::default() };
    assert_eq!(fields(&only_diagnostics), [(4, 2)]);
}

#[test]
fn plan_and_apply_order_their_answers_differently() {
    let plan = plan_resource_change::Response { diagnostics: some_diagnostics(), ..Default::default() };
    assert_eq!(fields(&plan), [(4, 2)]);
    let planned = plan_resource_change::Response { planned_private: b"p".to_vec(), ..Default::default() };
    assert_eq!(fields(&planned), [(3, 2)]);
    let apply = apply_resource_change::Response { diagnostics: some_diagnostics(), ..Default::default() };
    assert_eq!(fields(&apply), [(3, 2)]);
    let applied = apply_resource_change::Response { private: b"p".to_vec(), ..Default::default() };
    assert_eq!(fields(&applied), [(2, 2)]);
}

#[test]
fn plan_carries_its_own_private_data_in_field_nine() {
    let request = plan_resource_change::Request { planned_private: b"p".to_vec(), ..Default::default() };
    assert_eq!(fields(&request), [(9, 2)]);
}

#[test]
fn ephemeral_result_comes_after_its_renewal_time() {
    let response = open_ephemeral_resource::Response { result: a_value(), ..Default::default() };
    assert_eq!(fields(&response), [(3, 2)]);
    let renewal = open_ephemeral_resource::Response {
        renew_at: Some(prost_types::Timestamp { seconds: 1, nanos: 0 }),
        ..Default::default()
    };
    assert_eq!(fields(&renewal), [(2, 2)]);
    let private = open_ephemeral_resource::Response { private: Some(Vec::new()), ..Default::default() };
    assert_eq!(fields(&private), [(4, 2)], "an empty private is present all the same");
}

#[test]
fn errors_of_functions_point_at_argument_zero() {
    let error = FunctionError { text: "t".into(), function_argument: Some(0) };
    assert_eq!(fields(&error), [(1, 2), (2, 0)]);
}

#[test]
fn paths_select_by_one_of_three() {
    use attribute_path::step::Selector;
    let step = |selector| attribute_path::Step { selector: Some(selector) };
    let path = AttributePath {
        steps: vec![
            step(Selector::AttributeName("a".into())),
            step(Selector::ElementKeyString("k".into())),
            step(Selector::ElementKeyInt(0)),
        ],
    };
    let expected = [0x0a, 3, 0x0a, 1, b'a', 0x0a, 3, 0x12, 1, b'k', 0x0a, 2, 0x18, 0];
    assert_eq!(path.encode_to_vec(), expected);
}

#[test]
fn events_of_an_action_are_one_of_two() {
    use invoke_action::event::{Completed, Type};
    let event = invoke_action::Event { r#type: Some(Type::Completed(Completed::default())) };
    assert_eq!(event.encode_to_vec(), [0x12, 0x00]);
}

#[test]
fn output_of_a_plugin_names_its_stream() {
    let data =
        StdioData { channel: tfplugin::goplugin::stdio_data::Channel::Stderr.into(), data: b"x".to_vec() };
    assert_eq!(data.encode_to_vec(), [0x08, 2, 0x12, 1, b'x']);
}

#[test]
fn equal_messages_have_equal_bytes_whatever_the_order_of_insertion() {
    let schemas = |names: [&str; 3]| get_provider_schema::Response {
        resource_schemas: names.map(|name| (name.to_owned(), Schema::default())).into(),
        ..Default::default()
    };
    assert_eq!(schemas(["a", "b", "c"]).encode_to_vec(), schemas(["c", "a", "b"]).encode_to_vec());
}
