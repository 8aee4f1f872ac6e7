-- The market's rules as a broker judged by them: which version counts, and the sums that they bound.
-- include: market
local SUM_OF = {
  term = 'this term costs ', contract = 'over all its terms it costs ', payer = 'with it the payer has set aside ',
}

-- Why what was judged by this version must be judged anew, or nil.
local function rules_moved(version)
  if tonumber(redis.call('HGET', META, 'policyVersion') or '0') == version then return nil end
  return 'the policy moved on from version ' .. tostring(version)
end

-- The first rule that a sum does not keep to, with detail and message, or nil: ruling.ts states the same.
local function beyond_rules(bounds, sums)
  for _, bound in ipairs(bounds or {}) do
    local sum, broken = sums[bound.of], nil
    if sum and bound.most and sum > bound.most then
      broken = { rule = bound.rule, detail = 'over-budget', asks = '; at most ' .. string.format('%.0f', bound.most) }
    elseif sum and bound.least and sum < bound.least then
      broken = { rule = bound.rule, detail = 'below-reserve-price', asks = '; at least ' .. string.format('%.0f', bound.least) }
    end
    if broken then
      broken.message = 'rule ' .. broken.rule .. ': ' .. SUM_OF[bound.of] .. string.format('%.0f', sum)
        .. ' micro-credits' .. broken.asks
      return broken
    end
  end
  return nil
end
