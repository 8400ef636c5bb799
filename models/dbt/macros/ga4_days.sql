{#- Today in the property's time zone; the variable ga4_today fixes it for a run of the past. -#}
{% macro ga4_today() -%}
  {%- if var('ga4_today', '') -%}
    DATE '{{ var("ga4_today") }}'
  {%- else -%}
    CURRENT_DATE('{{ var("landbridge_zone") }}')
  {%- endif -%}
{%- endmacro %}

{#- Whether this run writes only the days that may have changed. -#}
{% macro ga4_is_incremental() -%}
  {%- set forced = var('ga4_incremental', none) -%}
  {{ return(is_incremental() if forced is none else forced) }}
{%- endmacro %}

{#- The first day that this run writes. It is constant, so BigQuery reads no other table. -#}
{% macro ga4_first_written_day() -%}
  {%- set changing -%}
    DATE_SUB({{ ga4_today() }}, INTERVAL {{ var('ga4_changing_days') }} DAY)
  {%- endset -%}
  {%- set first = "DATE '" ~ var('ga4_first_day') ~ "'" -%}
  {%- if var('package_for', 'dbt') == 'dataform' -%}
    ${when(incremental(), "{{ changing }}", "{{ first }}")}
  {%- elif ga4_is_incremental() -%}
    {{ changing }}
  {%- else -%}
    {{ first }}
  {%- endif -%}
{%- endmacro %}

{#-
  The days that a later run writes, today and tomorrow included. dbt deletes exactly these days before it
  inserts, so a day whose events Google took back becomes empty.
-#}
{% macro ga4_written_days() -%}
  {%- set days = [] -%}
  {%- for back in range(-1, var('ga4_changing_days') + 1) -%}
    {%- do days.append('DATE_SUB(' ~ ga4_today() ~ ', INTERVAL ' ~ back ~ ' DAY)') -%}
  {%- endfor -%}
  {{ return(days) }}
{%- endmacro %}

{#- A parameter of an event as text. A site may send a number or a text, so both are read. -#}
{% macro ga4_param(name) -%}
  (
    SELECT COALESCE(param.value.string_value, CAST(param.value.int_value AS STRING))
    FROM UNNEST(event_params) AS param
    WHERE param.key = '{{ name }}'
    LIMIT 1
  )
{%- endmacro %}
