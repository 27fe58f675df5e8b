//! Credentials that somebody lends for a while, for stores that have none of their own.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use object_store::azure::AzureCredential;
use object_store::gcp::GcpCredential;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// A loan is renewed so long before it ends, or when half of it is over if it is short.
const BEFORE_THE_END: Duration = Duration::from_secs(300);

/// The pause after a renewal that failed while the loan is still good.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// How long a refusal is believed.
const REFUSED_FOR: Duration = Duration::from_secs(300);

/// Who lends credentials for one place.
#[async_trait]
pub trait Lender: fmt::Debug + Send + Sync {
    /// Credentials that live for a while.
    ///
    /// # Errors
    /// When there are none; see [`NotLent`].
    async fn lend(&self) -> Result<Loan, NotLent>;
}

/// Credentials, and how long they are good for.
#[derive(Debug)]
pub struct Loan {
    /// The credentials.
    pub credential: LentCredential,
    /// What is left of them.
    pub good_for: Duration,
}

/// Credentials of one of the providers.
#[derive(Debug)]
pub enum LentCredential {
    /// For S3.
    Aws(AwsCredential),
    /// For Azure Blob Storage.
    Azure(AzureCredential),
    /// For Google Cloud Storage.
    Gcp(GcpCredential),
}

/// Why nothing is lent.
#[derive(Debug, thiserror::Error)]
pub enum NotLent {
    /// The lender does not lend, or not to this caller: what the machine itself has may do.
    #[error("no temporary credentials")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
    /// The lender does not know who asks.
    #[error("no temporary credentials")]
    Denied(#[source] Box<dyn Error + Send + Sync>),
    /// The lender does not answer as it should.
    #[error("no temporary credentials")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

/// Nobody has credentials for a store.
#[derive(Debug, thiserror::Error)]
#[error("{refused}, and neither options, environment nor machine have credentials of their own ({own})")]
struct NoCredentials {
    refused: String,
    own: String,
}

/// A kind of credentials that can be borrowed.
pub(super) trait Borrowed: Send + Sync + Sized + 'static {
    /// What the provider is called.
    const STORE: &'static str;
    /// The credentials, if they are of this kind.
    fn of(credential: LentCredential) -> Option<Self>;
}

macro_rules! borrowed {
    ($credential:ty, $variant:ident, $store:literal) => {
        impl Borrowed for $credential {
            const STORE: &'static str = $store;
            fn of(credential: LentCredential) -> Option<Self> {
                match credential {
                    LentCredential::$variant(credential) => Some(credential),
                    _ => None,
                }
            }
        }
    };
}

borrowed!(AwsCredential, Aws, "S3");
borrowed!(AzureCredential, Azure, "MicrosoftAzure");
borrowed!(GcpCredential, Gcp, "GCS");

type Own<C> = Arc<dyn CredentialProvider<Credential = C>>;

/// Borrows credentials, renews them before they end, and falls back to what the machine has where nothing is lent.
pub(super) struct Borrower<C> {
    lender: Arc<dyn Lender>,
    own: Option<Own<C>>,
    held: Mutex<Option<Held<C>>>,
}

struct Held<C> {
    /// None where the lender refused.
    credential: Option<Arc<C>>,
    refused: String,
    renew_at: Instant,
    until: Instant,
}

impl<C> fmt::Debug for Borrower<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Borrower").field("lender", &self.lender).finish_non_exhaustive()
    }
}

impl<C: Borrowed> Borrower<C> {
    pub(super) fn new(lender: Arc<dyn Lender>, own: Own<C>) -> Self {
        Self { lender, own: Some(own), held: Mutex::new(None) }
    }

    /// A borrower that falls back to nothing.
    pub(super) fn alone(lender: Arc<dyn Lender>) -> Self {
        Self { lender, own: None, held: Mutex::new(None) }
    }

    async fn borrow(&self) -> Result<Held<C>, NotLent> {
        let asked = Instant::now();
        match self.lender.lend().await {
            Ok(Loan { credential, good_for }) => {
                let credential = C::of(credential)
                    .ok_or_else(|| NotLent::Refused("what is lent is for another kind of store".into()));
                let before = BEFORE_THE_END.min(good_for / 2);
                Ok(Held {
                    credential: Some(Arc::new(credential?)),
                    refused: String::new(),
                    renew_at: asked + (good_for - before),
                    until: asked + good_for,
                })
            }
            Err(error @ (NotLent::Failed(_) | NotLent::Denied(_))) => Err(error),
            Err(error @ NotLent::Refused(_)) => {
                let refused = crate::message::chain(&error);
                tracing::debug!("{refused}; credentials of this machine are used instead");
                let until = asked + REFUSED_FOR;
                Ok(Held { credential: None, refused, renew_at: until, until })
            }
        }
    }
}

fn denied(source: Box<dyn Error + Send + Sync>) -> object_store::Error {
    object_store::Error::Unauthenticated { path: "any path in this store".to_owned(), source }
}

fn not_lent<C: Borrowed>(error: NotLent) -> object_store::Error {
    match error {
        NotLent::Denied(_) => denied(Box::new(error)),
        _ => object_store::Error::Generic { store: C::STORE, source: Box::new(error) },
    }
}

#[async_trait]
impl<C: Borrowed> CredentialProvider for Borrower<C> {
    type Credential = C;

    async fn get_credential(&self) -> object_store::Result<Arc<C>> {
        let mut held = self.held.lock().await;
        let now = Instant::now();
        if held.as_ref().is_none_or(|held| held.renew_at <= now) {
            match self.borrow().await {
                Ok(fresh) => *held = Some(fresh),
                Err(error) => match held.as_mut().filter(|held| held.until > now) {
                    // what is held is good for a while
                    Some(held) => {
                        tracing::warn!("{}", crate::message::chain(&error));
                        held.renew_at = now + ASK_AGAIN_AFTER;
                    }
                    None => return Err(not_lent::<C>(error)),
                },
            }
        }
        let (lent, refused) = match held.as_ref() {
            Some(held) => (held.credential.clone(), held.refused.clone()),
            None => (None, String::new()),
        };
        drop(held);
        let Some(credential) = lent else {
            let nobody = |own: String| denied(Box::new(NoCredentials { refused, own }));
            return match &self.own {
                Some(own) => own.get_credential().await.map_err(|own| nobody(own.to_string())),
                None => Err(nobody("they are not asked".to_owned())),
            };
        };
        Ok(credential)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use object_store::StaticCredentialProvider;

    use super::*;

    #[derive(Debug, Default)]
    struct Bank {
        asked: AtomicU32,
        answers: std::sync::Mutex<Vec<Result<Duration, NotLent>>>,
    }

    #[async_trait]
    impl Lender for Bank {
        async fn lend(&self) -> Result<Loan, NotLent> {
            let number = self.asked.fetch_add(1, Ordering::Relaxed);
            let good_for = self.answers.lock().unwrap().remove(0)?;
            let bearer = format!("loan {number}");
            Ok(Loan { credential: LentCredential::Gcp(GcpCredential { bearer }), good_for })
        }
    }

    fn borrower(answers: Vec<Result<Duration, NotLent>>) -> Borrower<GcpCredential> {
        let bank = Bank { asked: AtomicU32::new(0), answers: answers.into() };
        let own = StaticCredentialProvider::new(GcpCredential { bearer: "own".to_owned() });
        Borrower::new(Arc::new(bank), Arc::new(own))
    }

    async fn held(borrower: &Borrower<GcpCredential>) -> String {
        borrower.get_credential().await.unwrap().bearer.clone()
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test(start_paused = true)]
    async fn a_loan_is_renewed_before_it_ends() {
        let away = || Err(NotLent::Failed("away".into()));
        let borrower = borrower(vec![Ok(HOUR), away(), Ok(HOUR)]);
        assert_eq!(held(&borrower).await, "loan 0");
        tokio::time::advance(HOUR - BEFORE_THE_END - Duration::from_secs(1)).await;
        assert_eq!(held(&borrower).await, "loan 0");
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(held(&borrower).await, "loan 0", "the lender is away, and the loan still good");
        tokio::time::advance(ASK_AGAIN_AFTER).await;
        assert_eq!(held(&borrower).await, "loan 2");
    }

    #[tokio::test(start_paused = true)]
    async fn a_loan_that_has_ended_is_not_used() {
        let borrower = borrower(vec![Ok(HOUR), Err(NotLent::Failed("away".into()))]);
        assert_eq!(held(&borrower).await, "loan 0");
        tokio::time::advance(HOUR + Duration::from_secs(1)).await;
        let error = borrower.get_credential().await.unwrap_err();
        assert!(crate::message::chain(&error).contains("away"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_leaves_what_the_machine_has() {
        let borrower = borrower(vec![Err(NotLent::Refused("not to you".into())), Ok(HOUR)]);
        assert_eq!(held(&borrower).await, "own");
        assert_eq!(held(&borrower).await, "own");
        tokio::time::advance(REFUSED_FOR).await;
        assert_eq!(held(&borrower).await, "loan 1");
    }
}
