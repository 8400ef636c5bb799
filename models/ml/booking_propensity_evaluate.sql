-- Precision, recall and ROC AUC on the rows that the training kept aside.
SELECT precision, recall, accuracy, roc_auc
FROM ML.EVALUATE(MODEL `shop-analytics`.`shop_models`.`booking_propensity`)
