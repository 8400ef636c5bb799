"""boto3 and the SQS API: batches, visibility on the virtual clock, dead letters, refused calls."""

import json
import time

import pytest
from botocore.exceptions import ClientError


def refused(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def bodies(answer):
    return [it["Body"] for it in answer.get("Messages", [])]


def test_a_batch_is_sent_received_and_deleted(sqs):
    url = sqs.create_queue(QueueName="library", Attributes={"VisibilityTimeout": "3600"})["QueueUrl"]
    assert sqs.get_queue_url(QueueName="library")["QueueUrl"] == url
    sent = sqs.send_message_batch(
        QueueUrl=url,
        Entries=[{"Id": str(number), "MessageBody": f"책 {number}"} for number in range(10)],
    )
    assert len(sent["Successful"]) == 10 and sent.get("Failed", []) == []
    received = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
    )
    assert bodies(received) == [f"책 {number}" for number in range(10)]
    assert {it["Attributes"]["ApproximateReceiveCount"] for it in received["Messages"]} == {"1"}
    ids = [it["MessageId"] for it in sent["Successful"]]
    assert [it["MessageId"] for it in received["Messages"]] == ids
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessages"] == "0"
    assert counts["ApproximateNumberOfMessagesNotVisible"] == "10"
    assert counts["SqsManagedSseEnabled"] == "true"
    deleted = sqs.delete_message_batch(
        QueueUrl=url,
        Entries=[{"Id": it["MessageId"], "ReceiptHandle": it["ReceiptHandle"]} for it in received["Messages"]],
    )
    assert len(deleted["Successful"]) == 10
    counts = sqs.get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessagesNotVisible"]
    )["Attributes"]
    assert counts == {"ApproximateNumberOfMessagesNotVisible": "0"}


def test_a_message_comes_back_after_its_visibility_timeout(sqs):
    url = sqs.create_queue(QueueName="late", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="once more")
    first = sqs.receive_message(QueueUrl=url)["Messages"][0]
    # A virtual minute passes in 50 ms. What is received again stays in flight for long enough to be deleted.
    half_a_day = 12 * 60 * 60
    for _ in range(100):
        again = sqs.receive_message(
            QueueUrl=url, AttributeNames=["ApproximateReceiveCount"], VisibilityTimeout=half_a_day
        )
        if again.get("Messages"):
            break
        time.sleep(0.05)
    (second,) = again["Messages"]
    assert second["MessageId"] == first["MessageId"]
    assert second["Attributes"]["ApproximateReceiveCount"] == "2"
    # An old receipt deletes nothing; the new one does.
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=second["ReceiptHandle"], VisibilityTimeout=0)
    (third,) = sqs.receive_message(QueueUrl=url, VisibilityTimeout=half_a_day)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=third["ReceiptHandle"])
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_a_message_that_fails_too_often_is_a_dead_letter(sqs):
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    assert arn == "arn:aws:sqs:ap-northeast-2:000000000000:dead"
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    url = sqs.create_queue(QueueName="failing", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="poison")
    for _ in range(2):
        (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
        sqs.change_message_visibility(
            QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    assert bodies(sqs.receive_message(QueueUrl=dead)) == ["poison"]
    sqs.purge_queue(QueueUrl=dead)


def test_refusals(sqs, wrong_secret_client):
    missing = "AWS.SimpleQueueService.NonExistentQueue"
    assert refused(sqs.get_queue_url, QueueName="nothing") == missing
    assert refused(sqs.create_queue, QueueName="two words") == "InvalidParameterValue"
    url = sqs.create_queue(QueueName="refusing")["QueueUrl"]
    assert refused(sqs.send_message, QueueUrl=url.replace("refusing", "other"), MessageBody="x") == missing
    entries = [{"Id": str(number), "MessageBody": "x"} for number in range(11)]
    code = refused(sqs.send_message_batch, QueueUrl=url, Entries=entries)
    assert code == "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"
    code = refused(sqs.send_message_batch, QueueUrl=url, Entries=[entries[0], entries[0]])
    assert code == "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"
    code = refused(sqs.send_message_batch, QueueUrl=url, Entries=[{"Id": "0", "MessageBody": "x" * 1_048_577}])
    assert code == "AWS.SimpleQueueService.BatchRequestTooLong"
    code = refused(sqs.receive_message, QueueUrl=url, MaxNumberOfMessages=11)
    assert code == "InvalidParameterValue"
    code = refused(sqs.delete_message, QueueUrl=url, ReceiptHandle="no receipt")
    assert code == "ReceiptHandleIsInvalid"
    stranger = wrong_secret_client("sqs")
    assert refused(stranger.get_queue_url, QueueName="refusing") == "InvalidSignatureException"
