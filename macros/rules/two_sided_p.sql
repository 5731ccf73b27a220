{#- How often chance alone gives a standard normal value at least this far from 0: the
    complementary error function of z / sqrt(2) in Chebyshev's form (Numerical Recipes,
    erfcc; off by at most 1.2e-7 of its value). PostgreSQL's own begins with version 16.
    Beyond 30 the result would underflow. -#}
{% macro two_sided_p(z) -%}
{%- set series = namespace(sum='0') -%}
{%- for term in [
    0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806,
    0.09678418, 0.37409196, 1.00002368, -1.26551223,
] -%}
{%- set series.sum = '(' ~ series.sum ~ ' * t + ' ~ term ~ ')' -%}
{%- endfor -%}
    (
        select least(1, t * exp({{ series.sum }} - x * x))
        from (
            select x, 1 / (1 + x / 2) as t
            from (
                select least(greatest({{ z }}, 0), 30) / sqrt(2::double precision) as x
            ) as scaled
        ) as argument
    )
{%- endmacro %}
