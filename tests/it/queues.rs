//! One test suite for what we require of SQS, run against the local cloud and moto.

use std::collections::HashMap;

use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, QueueAttributeName};
use landbridge_aws::queue::QueueDepth;
use landbridge_core::ErrorKind;

use crate::moto::Moto;
use crate::sdk::Account;
use crate::support::TestEnvBuilder;

async fn receive(sdk: &aws_sdk_sqs::Client, url: &str, most: i32) -> Vec<Message> {
    let call = sdk.receive_message().queue_url(url).max_number_of_messages(most);
    call.send().await.expect("messages").messages.unwrap_or_default()
}

/// What our client guarantees with any server.
async fn check_promises(account: &Account<'_>) {
    let (queues, sdk) = (account.queues(), account.sqs_sdk());
    let error = queues.find("promises").await.expect_err("there is no such queue");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let sentence = error.sentence();
    assert!(sentence.starts_with("a queue cannot be found: promises"), "{sentence}");

    let dead = sdk.create_queue().queue_name("promises-dead").send().await.expect("a queue");
    let dead = dead.queue_url.expect("a URL");
    let call = sdk.get_queue_attributes().queue_url(&dead);
    let attributes = call.attribute_names(QueueAttributeName::QueueArn).send().await;
    let attributes = attributes.expect("attributes").attributes.expect("attributes");
    let arn = &attributes[&QueueAttributeName::QueueArn];
    let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":2}}"#);
    let call = sdk.create_queue().queue_name("promises").set_attributes(Some(HashMap::from([
        (QueueAttributeName::VisibilityTimeout, "600".to_owned()),
        (QueueAttributeName::RedrivePolicy, policy),
    ])));
    let url = call.send().await.expect("a queue").queue_url.expect("a URL");

    let queue = queues.find("promises").await.expect("a queue");
    assert_eq!(queue.depth().await.expect("a depth"), QueueDepth::default());
    let bodies: Vec<String> = (0..3).map(|number| format!("{{\"object\":{number}}}")).collect();
    assert!(queue.send(&bodies).await.expect("sent"));
    assert_eq!(queue.depth().await.expect("a depth"), QueueDepth { waiting: 3, in_flight: 0 });

    let received = receive(&sdk, &url, 10).await;
    let mut found: Vec<&str> = received.iter().filter_map(Message::body).collect();
    found.sort_unstable();
    assert_eq!(found, bodies);
    assert_eq!(queue.depth().await.expect("a depth"), QueueDepth { waiting: 0, in_flight: 3 });
    assert!(receive(&sdk, &url, 10).await.is_empty(), "they are hidden");

    // One is given back at once, the others are deleted; an old receipt does not delete.
    let receipt = |message: &Message| message.receipt_handle.clone().expect("a receipt");
    let (first, others) = (receipt(&received[0]), &received[1..]);
    queue.hide(&first, 0).await.expect("given back");
    let again = receive(&sdk, &url, 10).await;
    assert_eq!(again.len(), 1);
    let mut call = sdk.delete_message_batch().queue_url(&url);
    for (number, message) in others.iter().enumerate() {
        let entry = DeleteMessageBatchRequestEntry::builder().id(number.to_string());
        call = call.entries(entry.receipt_handle(receipt(message)).build().expect("an entry"));
    }
    assert_eq!(call.send().await.expect("deleted").successful.len(), 2);
    assert_eq!(queue.depth().await.expect("a depth"), QueueDepth { waiting: 0, in_flight: 1 });

    // After two receives, the message goes to the other queue.
    queue.hide(&receipt(&again[0]), 0).await.expect("given back");
    assert!(receive(&sdk, &url, 10).await.is_empty());
    assert_eq!(queue.depth().await.expect("a depth"), QueueDepth::default());
    let dead = receive(&sdk, &dead, 10).await;
    assert_eq!(
        dead.iter().filter_map(Message::body).collect::<Vec<_>>(),
        [received[0].body().expect("a body")]
    );
    let error = queue.hide(&receipt(&again[0]), 5).await.expect_err("it is not there");
    assert!(error.sentence().starts_with("a message cannot be given back: promises"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_local_sqs_keeps_every_promise() {
    let env = TestEnvBuilder::small().build().await;
    let variables = env.cloud.function_env();
    let account = Account {
        rds: &variables["AWS_ENDPOINT_URL_RDS"],
        s3: &variables["AWS_ENDPOINT_URL_S3"],
        secrets: &variables["AWS_ENDPOINT_URL_SECRETS_MANAGER"],
        sqs: &variables["AWS_ENDPOINT_URL_SQS"],
        key: landbridge_local::ACCESS_KEY,
        secret: landbridge_local::SECRET_KEY,
    };
    check_promises(&account).await;
    let stranger = Account { secret: "another", ..account };
    let error = stranger.queues().find("promises").await.expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moto_keeps_every_promise() {
    let Some(moto) = Moto::start("moto: queues").await else { return };
    check_promises(&moto.account()).await;
}
