// The strategies by name, as they are typed and reported.

export const strategyNames = ['truthful', 'aggressive', 'patient'] as const;
export type StrategyName = (typeof strategyNames)[number];
