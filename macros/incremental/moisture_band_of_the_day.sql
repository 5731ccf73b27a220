{#- The band that holds for the day's device, as one text. -#}
{% macro moisture_band_of_the_day() -%}
    (select concat_ws(' ', band.low, band.high) from {{ moisture_band() }} as band)
{%- endmacro %}
