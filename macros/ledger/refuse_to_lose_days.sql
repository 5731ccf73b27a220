{#- Ends the run in a sentence where device-days would lose their numbers; true where none
    would. -#}
{% macro refuse_to_lose_days(refused) -%}
    case
        when {{ refused }}.stuck_count > 0 then {{ function_name('refuse') }}(format(
            'The plant''s calendar has changed (plant_timezone, production_day_starts_at,'
            ' or commissioned_on in the registry), and %s device-days up to %s cannot be'
            ' filed anew: their raw messages are no longer kept. Set it back, or let'
            ' these days go with --vars ''forget_missing_days: true''.',
            {{ refused }}.stuck_count, {{ refused }}.stuck_until
        ))
        when {{ refused }}.lost_count > 0 then {{ function_name('refuse') }}(format(
            'All raw messages of %s device-days are gone (%s%s). If a retention rule took'
            ' them, set var raw_kept_from to the first date of which all are kept; if'
            ' they were deleted on purpose, let these days go with'
            ' --vars ''forget_missing_days: true''.',
            {{ refused }}.lost_count, {{ refused }}.lost_example,
            case when {{ refused }}.lost_count > 1 then ' and others' else '' end
        ))
        else true
    end
{%- endmacro %}
