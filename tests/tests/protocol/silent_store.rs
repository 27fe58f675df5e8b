//! An object store that accepts connections and never answers.

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use lakedr_e2e::terraform::Terraform;

use crate::{LOCATION, provider_block};

/// Holds the store's secret key.
const SECRET: &str = "SILENT_STORE_SECRET";
/// Until Terraform has planned and come to the location.
const ASKED_WITHIN: Duration = Duration::from_secs(60);

pub(crate) struct SilentStore(TcpListener);

impl SilentStore {
    pub(crate) fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// A root module with [`LOCATION`], and after it a location in this store, on whose probe it hangs.
    pub(crate) fn hanging(&self) -> Terraform {
        let port = self.0.local_addr().unwrap().port();
        let mut terraform = Terraform::new().unwrap();
        terraform.set(SECRET, "test");
        let silent = format!(
            r#"
resource "lakedr_external_location" "silent" {{
  name            = "silent"
  region          = "westus2"
  url             = "s3://silent/lakedr"
  storage_options = {{
    aws_endpoint      = "http://127.0.0.1:{port}"
    aws_region        = "us-east-1"
    aws_access_key_id = "test"
    allow_http        = "true"
  }}
  secret_options = {{ aws_secret_access_key = "env://{SECRET}" }}
  depends_on     = [lakedr_external_location.west]
}}
"#
        );
        terraform.configure(&format!("{}{LOCATION}{silent}", provider_block(&terraform))).unwrap();
        terraform
    }

    /// Waits until a client has begun to ask something. Its connection stays open until it is dropped.
    pub(crate) fn first_request(&self) -> TcpStream {
        self.0.set_nonblocking(true).unwrap();
        let start = Instant::now();
        let mut connection = loop {
            match self.0.accept() {
                Ok((connection, _)) => break connection,
                Err(_) => assert!(start.elapsed() < ASKED_WITHIN, "nobody asks the silent store"),
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        connection.set_nonblocking(false).unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        connection.read_exact(&mut [0]).unwrap();
        connection
    }
}
