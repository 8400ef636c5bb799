-- Gemini sorts the titles of links into topics. A title has class none; a name, an address, a mask or a token
-- may not be in a prompt, and `landbridge models check` refuses one.
SELECT
  answer.link_id,
  TRIM(answer.result) AS topic
FROM AI.GENERATE_TEXT(
  MODEL `shop-analytics`.`shop_models`.`gemini`,
  (
    SELECT
      link_id,
      CONCAT('Answer with one word of hotel, flight, car, tour, pass, other. Title: ', title) AS prompt
    FROM `shop-analytics`.`shop_models`.`stg_links`
    ORDER BY link_id
    LIMIT 100
  ),
  STRUCT(0.0 AS temperature, 10 AS max_output_tokens)
) AS answer
