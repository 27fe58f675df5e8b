//! External locations are probed before they are written down.

use std::fs;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::world::{Block, World, assert_says};

/// An HTTP server that answers everything with one status and no content.
pub(crate) struct Scripted {
    endpoint: String,
    task: tokio::task::JoinHandle<()>,
}

impl Scripted {
    pub(crate) async fn start(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut buffer = vec![0; 1 << 16];
                    while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                        let answer =
                            format!("HTTP/1.1 {status} Scripted\r\nETag: \"x\"\r\nContent-Length: 0\r\n\r\n");
                        if stream.write_all(answer.as_bytes()).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
        Self { endpoint, task }
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn bucket(world: &World, endpoint: &str) -> Block {
    world.west().text_attribute("url", "s3://bucket/x").attribute(
        "storage_options",
        &format!("{{ aws_endpoint = {endpoint:?}, aws_allow_http = \"true\", aws_region = \"eu\", aws_skip_signature = \"true\" }}"),
    )
}

#[test]
fn a_probe_leaves_nothing_behind() {
    let world = World::new();
    world.declare(&[world.west()]);
    world.terraform.apply().unwrap();
    let left = fs::read_dir(world.path("west/meta/probe")).map_or(0, Iterator::count);
    assert_eq!(left, 0);
}

#[test]
fn a_location_that_cannot_be_used_is_refused_unless_told_otherwise() {
    let world = World::new();
    fs::write(world.path("file"), "").unwrap();
    let bad = world.west().text_attribute("url", &world.url("file/below"));
    world.declare(std::slice::from_ref(&bad));
    let said = world.refused();
    assert_says(
        &said,
        &["External location out of reach", &world.url("file/below"), "skip_validation = true"],
    );
    assert!(!world.document_path("external_locations", "west").exists());

    world.declare(&[bad.attribute("skip_validation", "true")]);
    world.terraform.apply().unwrap();
    world.terraform.plan_is_empty().unwrap();
}

#[test]
fn a_change_of_the_url_is_probed_and_other_changes_are_not() {
    let world = World::new();
    world.declare(&[world.west()]);
    world.terraform.apply().unwrap();
    // out of reach from here on
    fs::remove_dir_all(world.path("west")).unwrap();
    fs::write(world.path("west"), "").unwrap();
    world.declare(&[world.west().text_attribute("comment", "still there")]);
    world.terraform.apply().unwrap();
    world.declare(&[world.west().text_attribute("url", &world.url("west/elsewhere"))]);
    assert_says(&world.refused(), &["External location out of reach"]);
    assert_eq!(world.document("external_locations", "west")["spec"]["comment"], "still there");
}

#[tokio::test]
async fn a_store_that_ignores_conditional_writes_is_refused_for_that_reason() {
    let server = Scripted::start(200).await;
    let world = World::new();
    world.declare(&[bucket(&world, server.endpoint())]);
    let said = tokio::task::spawn_blocking(move || world.refused()).await.unwrap();
    assert_says(
        &said,
        &["Unsafe external location", "s3://bucket/x", "ignores conditional writes", "If-None-Match"],
    );
}

#[tokio::test]
async fn a_store_that_denies_access_is_named_with_the_way_out() {
    let server = Scripted::start(403).await;
    let world = World::new();
    world.declare(&[bucket(&world, server.endpoint())]);
    let said = tokio::task::spawn_blocking(move || world.refused()).await.unwrap();
    assert_says(&said, &["s3://bucket/x", "permission denied", "skip_validation = true"]);
}

#[test]
fn secrets_that_only_the_executor_can_see_leave_a_warning() {
    let world = World::new();
    let location = world
        .west()
        .text_attribute("url", "s3://bucket/x")
        .attribute("secret_options", r#"{ aws_secret_access_key = "databricks://scope/key" }"#);
    world.declare(&[location]);
    let outcome = world.terraform.apply().unwrap();
    assert_says(&crate::world::flat(&outcome), &["External location not probed", "databricks://scope/key"]);
}
