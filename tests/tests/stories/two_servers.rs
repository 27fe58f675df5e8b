//! Two regions on two S3 servers: credentials by reference, nothing of them on paper.

use anyhow::Result;
use lakedr_e2e::regions::{Region, Regions, contents};

#[tokio::test(flavor = "multi_thread")]
async fn two_regions_on_two_s3_servers() -> Result<()> {
    let regions = Regions::on_s3().await?;
    regions.run(1, None)?;
    assert_eq!(regions.sync()?, "published");
    regions.run(2, None)?;
    let finished = regions.rows(Region::East)?;
    regions.run(3, Some("bronze"))?;
    assert_eq!(regions.sync()?, "published");
    assert_eq!(regions.rows(Region::West)?, finished);
    assert_eq!(regions.group(0, &["verify", "--level", "content"])?["equal"], true);
    assert_eq!(regions.sync()?, "up_to_date");
    for region in Region::BOTH {
        regions.terraform(region)?.plan_is_empty()?;
    }
    no_secret_on_paper(&regions)
}

fn no_secret_on_paper(regions: &Regions) -> Result<()> {
    for region in Region::BOTH {
        let Some(server) = regions.server(region) else { continue };
        let (_, secret) = server.credentials();
        let holds = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(secret);
        for place in ["control", "dr", "runs"] {
            let found = contents(&regions.dir(region, place))?.into_iter().find(|(_, bytes)| holds(bytes));
            assert!(found.is_none(), "a secret lies in {found:?}");
        }
        assert!(
            !holds(&std::fs::read(regions.terraform(region)?.state_file())?),
            "a secret lies in the state"
        );
    }
    let said = regions.lakedr(&["sync", "-vvv"])?;
    assert!(said.stderr.len() > 1000, "the log says everything it can");
    assert!(
        !said.stdout.contains("lakedr-test-secret") && !said.stderr.contains("lakedr-test-secret"),
        "a secret was logged"
    );
    Ok(())
}
